namespace Halo.Contracts.Queries;

/// <summary>Something that the caller should know and that is no error: an unknown field of the request, a message of the database.</summary>
/// <param name="Code">A stable word for programs, from the closed list <see cref="NoticeCodes"/>.</param>
/// <param name="Message">For people; at most <see cref="MostCharacters"/> characters, longer ones are cut and end in <c>…</c>.</param>
public sealed record Notice(string Code, string Message)
{
    /// <summary>An answer has at most so many notices from the request, and at most so many from the database.</summary>
    public const int Most = 20;

    /// <summary>Characters of a message.</summary>
    public const int MostCharacters = 1024;

    /// <summary>A notice whose message is cut where it is too long.</summary>
    public static Notice Of(string code, string message)
    {
        if (message.Length <= MostCharacters)
            return new(code, message);
        // Never between the halves of a surrogate pair.
        var length = MostCharacters - 1;
        if (char.IsHighSurrogate(message[length - 1]))
            length--;
        return new(code, string.Concat(message.AsSpan(0, length), "…"));
    }

    /// <summary>Both, in order; null where there are none.</summary>
    public static IReadOnlyList<Notice>? Join(IReadOnlyList<Notice>? first, IReadOnlyList<Notice>? second) =>
        first is not { Count: > 0 } ? second is { Count: > 0 } ? second : null
        : second is not { Count: > 0 } ? first
        : [.. first, .. second];
}

/// <summary>What a notice is about: the closed list behind <c>notices[].code</c>.</summary>
public static class NoticeCodes
{
    /// <summary>The request has a field that this version of the service does not know; it was ignored.</summary>
    public const string UnknownField = "UnknownField";

    /// <summary>The request has a query parameter that this version of the service does not know; it was ignored.</summary>
    public const string UnknownParameter = "UnknownParameter";

    /// <summary>The database's own message, as PostgreSQL's <c>NOTICE</c> and <c>WARNING</c>.</summary>
    public const string DatabaseNotice = "DatabaseNotice";

    /// <summary>What the Link advises: what whoever looks after the practice's server can do about a failure, or the caller about its texts.</summary>
    public const string Advice = "Advice";

    /// <summary>There were more notices than an answer carries; the message says how many.</summary>
    public const string NoticesOmitted = "NoticesOmitted";
}
