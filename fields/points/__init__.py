"""From a cloud of points to the distance of the surface that it lies on."""
