"""What the product knows and decides, purely: no library, no I/O, no clock of its own."""
