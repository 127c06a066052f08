using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;
using Microsoft.Data.Sqlite;

namespace Halo.SystemTests.Updating;

/// <summary>The practice's database, into which each query writes a number of its own: what was lost and what ran twice can be counted.</summary>
sealed class Practice
{
    readonly ConcurrentDictionary<int, (string Said, bool? Executed)> _ends = new();

    public Practice(string file)
    {
        ConnectionString = $"Data Source={file}";
        using var connection = Open();
        Execute(connection, "CREATE TABLE marks (n INTEGER NOT NULL)");
    }

    public string ConnectionString { get; }

    /// <summary>Asks one query after another, immediate and async in turns, until it is told to end; each is followed to its end.</summary>
    public async Task AskAsync(IntegratorClient integrator, Guid site, CancellationToken end)
    {
        List<Task> open = [];
        for (var n = 1; !end.IsCancellationRequested; n++)
        {
            open.Add(n % 2 == 0 ? ImmediateAsync(integrator, site, n) : QueuedAsync(integrator, site, n));
            open.RemoveAll(t => t.IsCompletedSuccessfully);
            await Task.Delay(100, CancellationToken.None);
        }
        await Task.WhenAll(open);
    }

    /// <summary>Every query has an end, and the database has what the ends say.</summary>
    public (int Asked, int Done) Verify()
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT n, count(*) FROM marks GROUP BY n";
        using var reader = command.ExecuteReader();
        var found = new Dictionary<int, int>();
        while (reader.Read())
            found[reader.GetInt32(0)] = reader.GetInt32(1);
        Assert.All(found, f => Assert.True(f.Value == 1, $"{f.Key} ran {f.Value} times."));
        Assert.All(_ends, e => Assert.True(e.Value.Executed is null || e.Value.Executed == found.ContainsKey(e.Key), $"{e.Key}: {e.Value.Said}, and it is {(found.ContainsKey(e.Key) ? "" : "not ")}in the database."));
        return (_ends.Count, _ends.Count(e => e.Value.Executed == true));
    }

    async Task ImmediateAsync(IntegratorClient integrator, Guid site, int n)
    {
        var answer = await integrator.ImmediateAsync(site, Insert(n), "nonQuery", maxTimeInQueue: 60_000);
        if (answer.Status == HttpStatusCode.OK)
            _ends[n] = ("200", true);
        else if (answer.Body.Contains("\"query\"", StringComparison.Ordinal) || answer.Body.Contains("\"executed\"", StringComparison.Ordinal))
            _ends[n] = (answer.ToString(), answer.Body.Contains("\"executed\":\"no\"", StringComparison.Ordinal) ? false : answer.Body.Contains("\"executed\":\"yes\"", StringComparison.Ordinal) ? true : null);
        else
            // Refused before there was a query.
            _ends[n] = (answer.ToString(), answer.Status == HttpStatusCode.GatewayTimeout ? null : false);
    }

    async Task QueuedAsync(IntegratorClient integrator, Guid site, int n)
    {
        var answer = await integrator.QueueAsync(site, Insert(n), "nonQuery");
        Assert.True(answer.Status == HttpStatusCode.Created, answer.ToString());
        var query = await integrator.WhenFinalAsync(site, answer.Query.Id, TimeSpan.FromMinutes(4));
        _ends[n] = (query.Status.ToString(), query.Status == QueryStatus.Successful ? true : query.Executed switch { Executed.Yes => true, Executed.No => false, _ => null });
    }

    SqliteConnection Open()
    {
        var connection = new SqliteConnection(ConnectionString + ";Pooling=False");
        connection.Open();
        return connection;
    }

    static string Insert(int n) => $"INSERT INTO marks (n) VALUES ({n.ToString(CultureInfo.InvariantCulture)})";

    static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
