"""What the command line takes and prints, and the commands that have a file of their own."""
