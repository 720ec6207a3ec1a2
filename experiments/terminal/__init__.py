"""What people see in the terminal: tables, progress, and their own mistakes in one line."""
