namespace Halo.Link.Engines;

/// <summary>Which database a connection string points to, whoever logs in and however.</summary>
/// <param name="Place">Server and database, or the file.</param>
/// <param name="Database">The database's own name; null or empty: the string names none.</param>
sealed record DatabaseTarget(string Place, string? Database);
