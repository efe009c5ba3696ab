"""The synchronous client, made from `_async`; see tools/generate_sync_client.py."""
