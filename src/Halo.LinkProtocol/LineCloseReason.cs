namespace Halo.LinkProtocol;

/// <summary>Why a session was closed, as the description of the WebSocket's close frame.</summary>
public static class LineCloseReason
{
    /// <summary>The Link stops in order: its sites become offline at once.</summary>
    public const string LinkStopping = "LinkStopping";

    /// <summary>The Link was uninstalled: its sites become uninstalled.</summary>
    public const string LinkUninstalled = "LinkUninstalled";

    /// <summary>The API stops or restarts: come back at once.</summary>
    public const string ApiStopping = "ApiStopping";

    /// <summary>A newer session of the same run took over.</summary>
    public const string Replaced = "Replaced";

    /// <summary>Another run of this Link is connected and answers: a cloned or restored server.</summary>
    public const string AlreadyConnected = "AlreadyConnected";

    /// <summary>The API has restarted and keeps the place for the run that was connected before: this one may be a clone. Come back at once.</summary>
    public const string PlaceKept = "PlaceKept";

    /// <summary>The operator took the Link's right away.</summary>
    public const string Revoked = "Revoked";

    /// <summary>The access token ran out and was not renewed.</summary>
    public const string TokenExpired = "TokenExpired";

    /// <summary>A message broke the protocol.</summary>
    public const string ProtocolError = "ProtocolError";

    /// <summary>The other end was silent for too long.</summary>
    public const string Silent = "Silent";

    /// <summary>The API could not write to its own store what the Link had told, or was to be told.</summary>
    public const string LedgerFailed = "LedgerFailed";

    /// <summary>Whether it is one of these: a neighbour may say anything.</summary>
    public static bool IsKnown(string reason) => reason is LinkStopping or LinkUninstalled or ApiStopping or Replaced or AlreadyConnected
        or PlaceKept or Revoked or TokenExpired or ProtocolError or Silent or LedgerFailed;
}
