"""The field mappings that come with contactsync, one TOML file each."""
