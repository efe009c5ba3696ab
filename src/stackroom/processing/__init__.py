"""What is done with assets after they are here, by jobs of the queue and by the clock.

embedding    what an asset is about becomes numbers, to be found by
rounds       what lacks such numbers, whichever way it came, gets them: one job for an organization
transcoding  a video becomes what a player can choose from
"""
