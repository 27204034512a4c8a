"""What a user asks: the room that knows the closed form and the simulator."""
