"""One file per migration, written by hand and never changed once released."""
