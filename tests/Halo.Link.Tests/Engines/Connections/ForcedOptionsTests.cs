using System.Data.Common;
using System.Text.RegularExpressions;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Tests.Engines.Postgres;
using Halo.Testing;
using Halo.Testing.Tds;
using Microsoft.Data.SqlClient;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.Link.Tests.Engines.Connections;

/// <summary>Options that would make a driver keep state between callers, or change their values, hold as the Link sets them, whatever the connection string says.</summary>
public sealed partial class ForcedOptionsTests(SharedPostgres postgres)
{
    /// <summary>Without pooling in the driver they mean nothing; <see cref="PostgresSessionTests"/> shows it.</summary>
    static readonly string[] Unused = ["No Reset On Close", "Minimum Pool Size", "Connection Pruning Interval"];

    /// <summary>An option as somebody wrote it, and what is in force.</summary>
    public static TheoryData<string, string, string, string> Options => new()
    {
        { EngineNames.Postgres, "Pooling", "true", "False" },
        { EngineNames.Postgres, "Multiplexing", "true", "False" },
        { EngineNames.Postgres, "Enlist", "true", "False" },
        { EngineNames.Postgres, "Max Auto Prepare", "20", "0" },
        { EngineNames.Postgres, "Client Encoding", "LATIN1", "UTF8" },
        { EngineNames.Postgres, "Encoding", "latin1", "UTF8" },
        { EngineNames.Postgres, "GSS Encryption Mode", "Prefer", "Disable" },
        { EngineNames.Postgres, "Command Timeout", "5", "0" },
        { EngineNames.Postgres, "Log Parameters", "true", "False" },
        { EngineNames.Postgres, "Persist Security Info", "true", "False" },
        { EngineNames.SqlServer, "Enlist", "true", "False" },
        { EngineNames.SqlServer, "MultipleActiveResultSets", "true", "False" },
        { EngineNames.SqlServer, "Persist Security Info", "true", "False" },
        { EngineNames.SqlServer, "Command Timeout", "5", "0" },
        { EngineNames.SqlServer, "Connect Timeout", "3600", "30" },
        { EngineNames.Sqlite, "Pooling", "true", "False" },
        { EngineNames.Sqlite, "Cache", "Shared", "Private" },
        { EngineNames.Sqlite, "Mode", "ReadWriteCreate", "ReadWrite" },
    };

    [Theory]
    [MemberData(nameof(Options))]
    public async Task An_option_is_what_the_Link_needs(string engine, string option, string written, string inForce)
    {
        using var file = new SqliteFile();
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        var place = engine switch
        {
            EngineNames.Postgres => await postgres.NewDatabaseAsync(),
            EngineNames.SqlServer => server.ConnectionString,
            _ => $"Data Source={file.Path}",
        };
        await using var made = DatabaseEngines.Create(engine, $"{place};{option}={written}", TimeProvider.System);
        var connection = await made.OpenAsync(null, null, CommandAccess.Write, TestContext.Current.CancellationToken);
        DbConnectionStringBuilder used = engine switch
        {
            EngineNames.Postgres => new NpgsqlConnectionStringBuilder(connection.ConnectionString),
            EngineNames.SqlServer => new SqlConnectionStringBuilder(connection.ConnectionString),
            _ => new SqliteConnectionStringBuilder(connection.ConnectionString),
        };
        Assert.Equal(inForce, used[option].ToString());
        await made.CloseAsync(connection);
    }

    /// <summary>What the Link sets only where nobody has written it.</summary>
    [Theory]
    [InlineData("", "Pool Blocking Period", "NeverBlock")]
    [InlineData(";Pool Blocking Period=AlwaysBlock", "Pool Blocking Period", "AlwaysBlock")]
    [InlineData(";PoolBlockingPeriod=Auto", "Pool Blocking Period", "Auto")]
    [InlineData("", "Connect Retry Interval", "1")]
    [InlineData(";Connect Retry Interval=7", "Connect Retry Interval", "7")]
    [InlineData(";Connect Timeout=7", "Connect Timeout", "7")]
    [InlineData(";Connect Timeout=0", "Connect Timeout", "30")]
    [InlineData("", "Application Name", "Halo Link")]
    [InlineData(";Application Name=Front desk", "Application Name", "Front desk")]
    public async Task An_option_of_SQL_Server_is_the_practices_where_it_has_written_one(string written, string option, string inForce)
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        await using var made = DatabaseEngines.Create(EngineNames.SqlServer, server.ConnectionString + written, TimeProvider.System);
        var connection = await made.OpenAsync(null, null, CommandAccess.Write, TestContext.Current.CancellationToken);
        Assert.Equal(inForce, new SqlConnectionStringBuilder(connection.ConnectionString)[option].ToString());
        await made.CloseAsync(connection);
    }

    [Fact]
    public async Task Every_option_of_the_document_is_held_by_a_test()
    {
        var document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "configuration.md"), TestContext.Current.CancellationToken);
        var start = document.IndexOf("### What the Link sets in a connection string itself", StringComparison.Ordinal);
        var section = document[start..document.IndexOf("PostgreSQL's `DateStyle`", start, StringComparison.Ordinal)];
        var (named, engine) = (new List<(string Engine, string Option)>(), "");
        foreach (Match row in Rows().Matches(section))
        {
            engine = row.Groups["engine"].Value is { Length: > 0 } own ? own : engine;
            named.AddRange(Names().Matches(row.Groups["options"].Value).Select(n => (engine, n.Groups[1].Value)));
        }
        Assert.NotEmpty(named);
        var held = Options.Select(row => (row.Data.Item1, row.Data.Item2)).Concat(Unused.Select(o => (EngineNames.Postgres, o))).Append((EngineNames.SqlServer, "Pooling"));
        Assert.Equal(held.Order(), named.Distinct().Order());
    }

    [GeneratedRegex(@"^\| (?:`(?<engine>\w+)` )?\|(?<options>(?: `[^|`]+`,?)+) \|", RegexOptions.Multiline)]
    private static partial Regex Rows();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Names();
}
