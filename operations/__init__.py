"""`python -m operations <verb>`: what an operator can do with a store. It is not deployed.

A store is a folder with a SQLite file, or a database of Cosmos DB: `https://<account>.../<database>`. There, the
caller's own sign-in is used, such as that of `az login`. Emulators need a key, in COSMOS_KEY.
"""
