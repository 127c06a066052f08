// Composition of the agent stands here.
return 0;
