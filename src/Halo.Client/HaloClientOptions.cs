namespace Halo.Client;

/// <summary>Where the service is, who calls, and how patient the client is.</summary>
public sealed class HaloClientOptions
{
    /// <summary>The service's address, as <c>https://halo.example</c>. Plain HTTP is refused except on loopback, since it would show the key. Required.</summary>
    public Uri? Address { get; set; }

    /// <summary>The subscription key. Take it from a secret store or the environment, never from source code. Required.</summary>
    public string? Key { get; set; }

    /// <summary>
    /// For how long a call is tried again, from its first failure on. What is tried again: 429, 503 where nothing ran, and, of what is safe to repeat, connection
    /// faults. Default 30 s; zero: never.
    /// </summary>
    public TimeSpan RetryTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long nothing may come of an answer before the connection counts as lost. Longer than a query may wait and execute (30 s and 60 s by default), or it
    /// would be given up while it runs. Default 2 minutes.
    /// </summary>
    public TimeSpan AnswerTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How many pages of an async query are fetched at once, from 1; each is about 100 KB compressed, and held until its rows are read. Default 4.</summary>
    public int PageParallelism { get; set; } = 4;

    /// <summary>The clock of waits; tests may give one of their own. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Every fault at once.</summary>
    internal HaloClientOptions Checked()
    {
        var faults = new List<string>();
        if (Address is not { IsAbsoluteUri: true })
            faults.Add("Address is required: the service's absolute address, as https://halo.example.");
        else if (Address.Scheme != Uri.UriSchemeHttps && !(Address.Scheme == Uri.UriSchemeHttp && Address.IsLoopback))
            faults.Add("Address must begin with https:// (http:// only on loopback, since the key would be read on the way).");
        if (string.IsNullOrWhiteSpace(Key))
            faults.Add("Key is required: the subscription key.");
        else if (Key.AsSpan().ContainsAnyExceptInRange('!', '~'))
            faults.Add("Key holds a space or another character that no subscription key has.");
        if (RetryTimeout < TimeSpan.Zero)
            faults.Add("RetryTimeout must not be negative.");
        if (AnswerTimeout <= TimeSpan.Zero)
            faults.Add("AnswerTimeout must be positive.");
        if (PageParallelism is < 1 or > 64)
            faults.Add("PageParallelism must be from 1 to 64.");
        return faults.Count == 0 ? this : throw new ArgumentException(string.Join(" ", faults));
    }
}
