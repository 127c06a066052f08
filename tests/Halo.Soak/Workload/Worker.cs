using Halo.Soak.World;

namespace Halo.Soak.Workload;

/// <summary>One caller who asks one thing after another, of all kinds.</summary>
sealed class Worker(SoakWorld world, Random random, Func<long> nextNumber, Action<Asked> begun)
{
    public async Task RunAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await OneAsync();
            await Task.Delay(random.Next(5, 120), CancellationToken.None);
        }
    }

    Task OneAsync() => random.Next(100) switch
    {
        < 14 => ReadAsync(),
        < 30 => WriteAsync("write", slow: false),
        < 38 => WriteAsync("slow write", slow: true),
        < 52 => RepeatAsync(isAsync: false),
        < 60 => RepeatAsync(isAsync: true),
        < 66 => QueueAsync("queued write", writes: true, slow: random.Next(2) == 0),
        < 72 => BatchAsync(),
        < 80 => ExportAsync(),
        < 87 => StreamAsync(),
        < 93 => CancelledAsync(),
        _ => AbandonedAsync(),
    };

    Task<bool> ReadAsync()
    {
        var range = Range(300);
        return Calls.AskAsync(New("read", range: range), Select(range), Patience(), null, CancellationToken.None);
    }

    Task<bool> WriteAsync(string kind, bool slow)
    {
        var asked = New(kind, writes: true);
        return Calls.AskAsync(asked, Insert(asked, slow), Patience(), null, CancellationToken.None);
    }

    /// <summary>Again and again with one key until the answer says what became of it; sometimes two at once.</summary>
    async Task RepeatAsync(bool isAsync)
    {
        var asked = New(isAsync ? "queued repeated" : "repeated", writes: true, isAsync: isAsync, key: $"k{Guid.NewGuid():N}");
        var (sql, patience) = (Insert(asked, random.Next(2) == 0), Patience());
        for (var i = 0; i < 8; i++)
        {
            var twin = random.Next(4) == 0 ? Calls.AskAsync(asked, sql, patience, null, CancellationToken.None) : Task.FromResult(false);
            await Calls.AskAsync(asked, sql, patience, null, CancellationToken.None);
            await twin;
            if (asked.Answers.Any(a => (int)a.Status < 300) && random.Next(4) != 0)
                return;
            await Task.Delay(random.Next(20, 800));
        }
    }

    Task<bool> QueueAsync(string kind, bool writes, bool slow)
    {
        var asked = New(kind, writes: writes, isAsync: true);
        return Calls.AskAsync(asked, Insert(asked, slow), Patience(), null, CancellationToken.None);
    }

    /// <summary>All of it or nothing; at SQLite and PostgreSQL, since the scripted SQL Server has no transactions.</summary>
    Task<bool> BatchAsync()
    {
        var isAsync = random.Next(2) == 0;
        var asked = new Asked(nextNumber(), isAsync ? "queued batch" : "batch", Pick([.. world.Practices.Where(p => p.Engine != "sqlServer")]), Pick(world.Integrators)) { Writes = true, IsAsync = isAsync, IsBatch = true };
        begun(asked);
        return Calls.AskAsync(asked, Insert(asked, slow: random.Next(2) == 0), Patience(), null, CancellationToken.None);
    }

    Task<bool> ExportAsync()
    {
        var range = Range(Practice.Rows);
        return Calls.AskAsync(New("export", isAsync: true, range: range), Select(range), Patience(), null, CancellationToken.None);
    }

    Task<bool> StreamAsync()
    {
        var range = Range(6000);
        return Calls.AskAsync(New("stream", range: range), Select(range), Patience(), "application/x-ndjson", CancellationToken.None);
    }

    async Task CancelledAsync()
    {
        var writes = random.Next(2) == 0;
        var range = Range(Practice.Rows);
        var asked = New(writes ? "cancelled write" : "cancelled export", writes: writes, isAsync: true, range: writes ? null : range);
        await Calls.AskAsync(asked, writes ? Insert(asked, slow: true) : Select(range), Patience(), null, CancellationToken.None);
        await Task.Delay(random.Next(600));
        if (asked.Answers is [{ Query: { } query }, ..])
            await Calls.CancelAsync(asked, query.Id);
    }

    /// <summary>The caller leaves before the answer.</summary>
    async Task AbandonedAsync()
    {
        var writes = random.Next(2) == 0;
        var range = Range(2000);
        var asked = New(writes ? "abandoned write" : "abandoned stream", writes: writes, range: writes ? null : range);
        using var leave = new CancellationTokenSource(random.Next(1, 400));
        await Calls.AskAsync(asked, writes ? Insert(asked, slow: true) : Select(range), Patience(), writes ? null : "application/x-ndjson", leave.Token);
    }

    Asked New(string kind, bool writes = false, bool isAsync = false, string? key = null, (int, int)? range = null)
    {
        var asked = new Asked(nextNumber(), kind, Pick(world.Practices), Pick(world.Integrators)) { Writes = writes, IsAsync = isAsync, Key = key, Range = range };
        begun(asked);
        return asked;
    }

    static string Insert(Asked asked, bool slow) => (slow, asked.Practice.Engine) switch
    {
        // One that returns more than the practice's policy lets through.
        (_, "sqlServer") when asked.Number % 5 == 0 => $"INSERT INTO counting (id) OUTPUT inserted.* VALUES ({asked.Number})",
        (false, _) => $"INSERT INTO counting (id) VALUES ({asked.Number})",
        (_, "postgres") => $"INSERT INTO counting (id) SELECT {asked.Number} FROM pg_sleep(0.3)",
        (_, "sqlServer") => $"INSERT INTO counting (id) SELECT {asked.Number} /* slow */",
        _ => $"INSERT INTO counting (id) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) SELECT {asked.Number} + 0 * MAX(i) FROM n",
    };

    static string Select((int From, int To) range) => $"SELECT id, payload FROM big WHERE id BETWEEN {range.From} AND {range.To} ORDER BY id";

    (int, int) Range(int most)
    {
        var rows = random.Next(1, most);
        var from = random.Next(1, Practice.Rows - rows + 1);
        return (from, from + rows - 1);
    }

    int Patience() => random.Next(10) == 0 ? random.Next(50, 500) : random.Next(1000, 6000);

    T Pick<T>(IReadOnlyList<T> list) => list[random.Next(list.Count)];
}
