"""What goes over the wire: signals, commands, OSC, UDP."""
