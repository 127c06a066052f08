namespace Halo.Link.Engines;

/// <summary>The engines that a site can name.</summary>
static class EngineNames
{
    public const string SqlServer = "sqlServer";
    public const string Postgres = "postgres";
    public const string Sqlite = "sqlite";

    public static IReadOnlyList<string> All { get; } = [SqlServer, Postgres, Sqlite];

    /// <summary>OpenTelemetry's name of the database system.</summary>
    public static string InTelemetry(string engine) => engine switch
    {
        SqlServer => "microsoft.sql_server",
        Postgres => "postgresql",
        _ => engine,
    };
}
