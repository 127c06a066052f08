using System.Data.Common;
using System.Text.Json.Nodes;
using Halo.Link.Configuring;
using Halo.Link.Engines;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;
using Microsoft.Data.SqlClient;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.Link.Installing;

/// <summary>What a deployment tool said to the MSI, as <c>API=https://halo.example</c>: a property that is not given, or empty, changes nothing.</summary>
sealed class SetupProperties
{
    /// <summary>Between properties on the command line of setup, which Windows Installer fills in: values may hold quotes and blanks of any kind.</summary>
    public const char Separator = '\u001F';

    const string File = "CONFIGFILE", Automatic = "AUTOUPDATE", Hours = "UPDATEHOURS";
    const string Connection = "DBCONNECTION", Engine = "DBENGINE", Server = "DBSERVER", Database = "DBNAME", User = "DBUSER", Password = "DBPASSWORD";

    /// <summary>Those that stand in the configuration file.</summary>
    static readonly string[] OfSettings =
    [
        "API", "ENROLMENTTOKEN", "PROXY", Engine, Connection, Server, Database, User, Password, "PMSNAME", "PMSID", "PRACTICENAME", "POLICY", Automatic, Hours, File,
    ];

    /// <summary>Those that do not.</summary>
    public const string Account = "SERVICEACCOUNT", AccountPassword = "SERVICEPASSWORD", Product = "PRODUCTCODE";

    readonly Dictionary<string, string> _values;

    SetupProperties(Dictionary<string, string> values) => _values = values;

    /// <summary>Whether one is there that changes the configuration file.</summary>
    public bool HasSettings => OfSettings.Any(_values.ContainsKey);

    /// <summary>Null: it was not given.</summary>
    public string? this[string name] => _values.GetValueOrDefault(name);

    /// <param name="commandLine">As Windows has it, before quotes were understood.</param>
    /// <exception cref="SettingsException">There is one that nothing is known of.</exception>
    public static SetupProperties Parse(string commandLine)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in commandLine.Split(Separator).Skip(1))
        {
            if (part.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var end))
                continue;
            var name = part[..end];
            if (!OfSettings.Contains(name) && name is not (Account or AccountPassword or Product))
                throw Fault(name, "is no property of this installer.");
            var value = part[(end + 1)..];
            if (!string.IsNullOrWhiteSpace(value))
                values[name] = name is Password or AccountPassword or Connection ? value : value.Trim();
        }
        return new(values);
    }

    /// <summary>Puts them into the configuration file: CONFIGFILE first, then what else is given.</summary>
    /// <exception cref="SettingsException">A value cannot be used; it is named, and not repeated.</exception>
    public void ApplyTo(SettingsDocument document)
    {
        var path = this[File];
        if (path is not null && !Path.IsPathFullyQualified(path))
            throw Fault(File, @"must be a full path, as C:\Temp\halo-link.json.");
        if (this["POLICY"] is not (null or Answers.Read or Answers.Write))
            throw Fault("POLICY", $"must be {Answers.Read} or {Answers.Write}.");
        if (path is null)
            AnswersFor(document).ApplyTo(document);
        else
            SitePolicies.Merge(document, SettingsText.Parse(path, new SettingsSource(path).Read()), merged => AnswersFor(merged).ApplyTo(merged));
        if (this[Automatic] is { } automatic)
            document.Set(SettingsPath.Parse("updates.automatic"), automatic switch { "1" => true, "0" => false, _ => throw Fault(Automatic, "must be 0 or 1.") });
        if (this[Hours] is { } hours)
            document.Set(SettingsPath.Parse("updates.hours"), hours);
    }

    Answers AnswersFor(SettingsDocument document) => new()
    {
        Api = this["API"],
        EnrolmentToken = this["ENROLMENTTOKEN"],
        ProxyAddress = this["PROXY"],
        Engine = this[Engine],
        ConnectionString = ConnectionFor(document),
        PracticeManagementName = this["PMSNAME"],
        PracticeManagementSiteId = this["PMSID"],
        PracticeName = this["PRACTICENAME"],
        Policy = this["POLICY"],
    };

    /// <summary>The connection string of the first site with what is given of it; null: nothing is.</summary>
    string? ConnectionFor(SettingsDocument document)
    {
        if (!((string[])[Server, Database, User, Password]).Any(_values.ContainsKey))
            return this[Connection];
        var known = EngineOf(SiteText(document, "engine"));
        var engine = this[Engine] is { } given ? EngineOf(given) : known;
        try
        {
            // Another engine reads another kind of connection string.
            var present = this[Connection] ?? (engine == known ? SiteText(document, "connectionString") : null);
            return engine switch
            {
                EngineNames.Sqlite => Sqlite(present),
                EngineNames.Postgres => Postgres(present),
                EngineNames.SqlServer => SqlServer(present),
                _ => throw Fault(Engine, $"is needed with {Server}, {Database}, {User} and {Password}: {string.Join(", ", EngineNames.All)}."),
            };
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw Fault(Connection, "and the properties beside it make no connection string: correct them, or give the whole as DBCONNECTION.");
        }
    }

    string Sqlite(string? present)
    {
        var parts = new SqliteConnectionStringBuilder(present);
        parts.DataSource = this[Database] ?? parts.DataSource;
        if ((this[Server] ?? this[User] ?? this[Password]) is not null)
            throw Fault(Engine, $"{EngineNames.Sqlite} has no server and no login: give {Database} alone, the path of the file.");
        return Text(parts);
    }

    string Postgres(string? present)
    {
        var parts = new NpgsqlConnectionStringBuilder(present);
        if (this[Server] is { } server)
            (parts.Host, parts.Port) = server.LastIndexOf(':') is > 0 and var colon && int.TryParse(server[(colon + 1)..], out var port) ? (server[..colon], port) : (server, 5432);
        parts.Database = this[Database] ?? parts.Database;
        parts.Username = this[User] ?? parts.Username;
        parts.Password = this[Password] ?? parts.Password;
        return Text(parts);
    }

    string SqlServer(string? present)
    {
        var parts = new SqlConnectionStringBuilder(present);
        if (this[Server] is { } server)
            parts.DataSource = server;
        if (this[Database] is { } database)
            parts.InitialCatalog = database;
        if (this[User] is { } user)
            parts.UserID = user;
        if (this[Password] is { } password)
            parts.Password = password;
        // Without a login it is the service's account that connects.
        if (parts.Authentication == SqlAuthenticationMethod.NotSpecified)
            parts.IntegratedSecurity = parts.UserID.Length == 0;
        return Text(parts);
    }

    static string? EngineOf(string? text) => EngineNames.All.FirstOrDefault(e => string.Equals(e, text, StringComparison.OrdinalIgnoreCase));

    static string Text(DbConnectionStringBuilder parts) => parts.ConnectionString;

    static string? SiteText(SettingsDocument document, string name) =>
        SettingsDocument.Find(document.Settings, "sites") is JsonArray { Count: > 0 } sites
        && sites[0] is JsonObject site
        && SettingsDocument.Find(site, name) is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    static SettingsException Fault(string name, string what) => new([new(name, what)]);
}
