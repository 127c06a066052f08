namespace Halo.Contracts.Events;

/// <summary>What an integrator can be told of: values of <c>type</c>.</summary>
public static class EventTypes
{
    /// <summary>An async query was successful, or a registered query gave a new result.</summary>
    public const string QueryCompleted = "query.completed";

    /// <summary>An async query ended otherwise, or a registered query began to fail.</summary>
    public const string QueryFailed = "query.failed";

    /// <summary>The result of a registered query changed.</summary>
    public const string RegisteredChanged = "registered.changed";

    /// <summary>A site can be queried: its Halo Link is connected, and has been for a while (a setting of the service, two minutes).</summary>
    public const string SiteOnline = "site.online";

    /// <summary>A site's Halo Link was stopped in order, and has been for a while.</summary>
    public const string SiteOffline = "site.offline";

    /// <summary>A site's Halo Link was lost, and has not been heard of for a while.</summary>
    public const string SiteUnreachable = "site.unreachable";

    /// <summary>Another site is the practice's own from now on: <c>siteId</c>. What waited at the one before is cancelled.</summary>
    public const string SiteMoved = "site.moved";

    /// <summary>The practice's system has another version.</summary>
    public const string SiteVersion = "site.version";

    /// <summary>Every site of a survey has ended.</summary>
    public const string SurveyFinished = "survey.finished";

    /// <summary>The schema of a site's database, as the integrator may see it, is another than when it was read last.</summary>
    public const string SchemaChanged = "schema.changed";

    /// <summary>The integrator may query a site.</summary>
    public const string PairingCreated = "pairing.created";

    /// <summary>The integrator may not query a site any more.</summary>
    public const string PairingRemoved = "pairing.removed";

    /// <summary>A webhook is tried, on request. Told to that webhook alone.</summary>
    public const string WebhookTest = "webhook.test";

    /// <summary>All that a webhook can ask for.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        QueryCompleted, QueryFailed, RegisteredChanged, SiteOnline, SiteOffline, SiteUnreachable, SiteMoved, SiteVersion, SchemaChanged, SurveyFinished, PairingCreated, PairingRemoved,
    ];
}

/// <summary>What a query of an event is: values of <c>source</c> and <c>webhookSource</c>.</summary>
public static class EventSources
{
    /// <summary>An async query.</summary>
    public const string Async = "async";

    /// <summary>A registered query.</summary>
    public const string Registered = "registered";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [Async, Registered];
}
