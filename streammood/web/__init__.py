"""The dashboard: a process of its own that receives OSC from the engine as any receiver does; pages for browsers."""
