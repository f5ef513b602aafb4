"""How the scripts begin, go on, and end: settings, folders, devices, sweeps; above everything but the scripts."""
