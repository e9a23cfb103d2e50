"""What a scene is: surfaces with textures and materials, objects before backgrounds, a light and a camera."""
