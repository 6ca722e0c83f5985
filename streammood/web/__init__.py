"""The dashboard: a process of its own that hears the engine's OSC as any receiver does, and shows it in a browser."""
