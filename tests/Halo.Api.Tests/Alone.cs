namespace Halo.Api.Tests;

/// <summary>Tests that measure the memory of this process run when nothing else does.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
