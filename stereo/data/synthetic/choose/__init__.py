"""How a scene, its sensors and their faults are chosen at random."""
