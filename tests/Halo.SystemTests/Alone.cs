namespace Halo.SystemTests;

/// <summary>Tests of promises that are times run when nothing else does.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
