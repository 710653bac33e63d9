"""HTTP and timer triggers: what stands between the host and the stores."""
