"""How a scene becomes two views: what is visible, its colors, what a lens and a sensor make of them."""
