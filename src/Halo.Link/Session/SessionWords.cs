using System.Globalization;
using Halo.Link.Settings;
using Halo.LinkProtocol;

namespace Halo.Link.Session;

/// <summary>Why sessions end, in words that an IT person understands; and whether they were said already.</summary>
sealed class SessionWords
{
    /// <summary>The Link's own reason to open a session anew.</summary>
    public const string Announcing = "Announcing";

    bool _failing;
    string? _lastReason;

    /// <summary>Whether a failure should be logged: the first of a streak, and each reason in it that somebody can put right.</summary>
    /// <param name="reason">Null for what the network does.</param>
    public bool IsNews(string? reason)
    {
        var news = !_failing || reason is not null && reason != _lastReason;
        _failing = true;
        _lastReason = reason ?? _lastReason;
        return news;
    }

    /// <summary>It works; whether a streak of failures has ended.</summary>
    public bool Recovered()
    {
        var was = _failing;
        (_failing, _lastReason) = (false, null);
        return was;
    }

    /// <summary>Whether the API gave this reason, rather than the network.</summary>
    public static bool IsCoded(string? reason) => reason is not null and not LineCloseReason.Silent and not "NoWelcome";

    public static string For(string? reason, ConnectionSettings settings) => reason switch
    {
        LineCloseReason.AlreadyConnected =>
            "Another Link with the same identity is connected: this data directory was copied, or this machine was cloned or restored. "
            + "Stop the other one; or, where both are wanted, remove identity.json and link.key from the data directory of the copy and set a fresh enrolmentToken there.",
        LineCloseReason.PlaceKept =>
            "The API has restarted, and keeps this Link's place for the run that was connected before, which may be on another machine: this one may be a clone. "
            + "Where that one does not come back, this one is let in within two minutes; nothing has to be done.",
        LineCloseReason.Revoked => "The operator of the Halo API has revoked this Link. Ask there why; to come back as a new Link, remove identity.json and link.key from the data directory.",
        LineCloseReason.ApiStopping => "The API is stopping or restarting.",
        LineCloseReason.Replaced => "Another session of this Link took over.",
        LineCloseReason.TokenExpired => "The session's token ran out before it could be renewed.",
        LineCloseReason.ProtocolError => "The API and this Link did not understand each other: update Halo Link, and tell the operator of the Halo API where that does not help.",
        LineCloseReason.LedgerFailed => "The API could not write to its own store.",
        LineCloseReason.Silent => string.Create(CultureInfo.InvariantCulture, $"The API was silent for {(settings.PingAfter + settings.DeadAfterPing).TotalSeconds:0.#} seconds."),
        "NoWelcome" => string.Create(CultureInfo.InvariantCulture, $"The API did not answer this Link's Hello within {settings.CallWithin.TotalSeconds:0.#} seconds."),
        null => "The line broke.",
        _ => $"The API closed the session: {reason}.",
    };
}
