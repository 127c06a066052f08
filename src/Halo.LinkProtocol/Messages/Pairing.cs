namespace Halo.LinkProtocol.Messages;

/// <summary>A code that somebody at the practice has just made: one integrator may pair with the site by it, within a day.</summary>
/// <param name="RequestId">Names this request in its answer.</param>
/// <param name="SiteId">One of the Link's own sites.</param>
/// <param name="Code">Eight characters of <see cref="Alphabet"/>.</param>
public sealed record PairingCode(Guid RequestId, Guid SiteId, string Code)
{
    /// <summary>Letters and digits of which none looks like another, also in a bad copy: no 0 O, 1 I L, 2 Z, 5 S, 8 B.</summary>
    public const string Alphabet = "ACDEFGHJKMNPQRTUVWXY34679";

    /// <summary>Characters of a code.</summary>
    public const int Length = 8;

    /// <summary>As people pass it on: in capitals, without what they put between the characters.</summary>
    public static string Normalize(string code) => string.Concat(code.Where(char.IsAsciiLetterOrDigit)).ToUpperInvariant();

    /// <summary>Whether a normalized text can be a code at all.</summary>
    public static bool IsCode(string code) => code.Length == Length && code.All(Alphabet.Contains);
}

/// <summary>What the API made of a <see cref="PairingCode"/>.</summary>
/// <param name="RequestId">The request's.</param>
/// <param name="Accepted">Whether it opens anything.</param>
/// <param name="Message">For people: what to do with it, or why it was refused.</param>
public sealed record PairingCodeAck(Guid RequestId, bool Accepted, string Message)
{
    /// <summary>Until when, where it was accepted.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}
