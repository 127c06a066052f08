namespace Halo.Samples.Demo;

/// <summary>The demonstration cannot go on; the message says why, in words for people.</summary>
sealed class DemoException(string message, IReadOnlyList<string>? lastLines = null) : Exception(message)
{
    /// <summary>The last lines of the program that failed.</summary>
    public IReadOnlyList<string> LastLines { get; } = lastLines ?? [];
}
