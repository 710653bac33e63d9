/** What several elements say. */
export const common = {
  bytes: { one: "{count} byte", other: "{count} bytes" },
  "time.now": "just now",
  "time.soon": "in less than a minute",
  cancel: "Cancel",
  close: "Close",
  untitled: "Untitled",
  loading: "Loading…",
  "try-again": "Try again",
  undo: "Undo",
  dismiss: "Dismiss",
  failed: "This did not work: {reason}",
  "page.range": "{from} to {to}",
  "page.range-of": "{from} to {to} of {count}",
  "page.next": "Next page",
  "page.previous": "Previous page",
};
