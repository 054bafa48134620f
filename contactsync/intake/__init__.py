"""The door for webhooks: verify the raw bytes, decode, keep, ring, answer."""
