namespace Halo.Link.Engines;

/// <summary>What a database's activity view calls a session, so that the practice's DBA sees whose query it runs.</summary>
/// <param name="Tag">The query's own mark (<c>Halo-Tag</c>), which is the whole name; null or empty: none.</param>
/// <param name="Integrator">Who asks; null: the Link itself.</param>
sealed record SessionName(string? Tag, Guid? Integrator)
{
    /// <summary>The Link's own name and the integrator's id; the own name alone where the Link itself asks.</summary>
    /// <param name="own">What the Link's own sessions are called.</param>
    /// <param name="longest">Characters that the database keeps: the id comes whole.</param>
    public string WithoutTag(string own, int longest)
    {
        const int idAndSpace = 37;
        return Integrator is not { } id || id == Guid.Empty ? own
            : $"{(own.Length > longest - idAndSpace ? own[..(longest - idAndSpace)] : own)} {id}";
    }
}
