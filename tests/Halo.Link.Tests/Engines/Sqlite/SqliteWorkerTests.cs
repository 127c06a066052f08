using System.Diagnostics;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Sqlite.Worker;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Engines.Sqlite;

/// <summary>Whatever SQL a caller sends: after its limit and a few seconds it holds no processor, memory, disk or lock, and others never notice.</summary>
public sealed class SqliteWorkerTests : IAsyncDisposable
{
    /// <summary>One step of SQLite's that looks at no wish to stop for many seconds.</summary>
    const string Uninterruptible = "SELECT instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')";

    const string Endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

    static long _pools;
    readonly long _memory = (96L << 20) + Interlocked.Increment(ref _pools);
    readonly SqliteFile _file = new();
    readonly SqliteWorkers _workers;
    readonly EngineBench _bench;

    public SqliteWorkerTests()
    {
        _workers = SharedWorkers.New(_memory);
        _bench = _file.Open(workers: _workers);
    }

    public async ValueTask DisposeAsync()
    {
        await _bench.DisposeAsync();
        await _workers.DisposeAsync();
        _file.Dispose();
    }

    [Fact]
    public async Task A_step_that_nothing_interrupts_is_killed_and_the_others_go_on()
    {
        await _bench.DoAsync("CREATE TABLE t (id INTEGER)");
        var hanging = Enumerable.Range(0, 4).Select(_ => _bench.RunAsync(new QueryCommand(Uninterruptible), limit: TimeSpan.FromSeconds(1))).ToArray();
        await _bench.DoAsync("INSERT INTO t VALUES (1)");
        Assert.Equal("1", await _bench.ValueAsync("SELECT count(*) FROM t"));
        foreach (var result in await Task.WhenAll(hanging))
        {
            Assert.Equal((Ending.Failed, Executed.No, FailureCodes.ExecutionTimeout, ForcedEnd.SessionEnded),
                (result.Ending, result.Executed, result.Error?.Code, result.Forced));
        }
        Assert.Equal("1", await _bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Theory]
    [InlineData("SELECT 1", Executed.No)]
    [InlineData("BEGIN; INSERT INTO t VALUES (1)", Executed.No)]
    [InlineData("INSERT INTO t VALUES (1)", Executed.Unknown)]
    public async Task A_caller_who_cancels_a_step_that_nothing_interrupts_hears_what_is_certain(string before, Executed executed)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Finds the worker in /proc.");
        await _bench.DoAsync("CREATE TABLE t (id INTEGER)");
        using var cancel = new CancellationTokenSource();
        var running = _bench.RunAsync(new QueryCommand($"{before}; {Uninterruptible}"), cancel: cancel, limit: TimeSpan.FromHours(1));
        // It is in the middle of it: the processor has been at work for a while.
        await Eventually.BecomesAsync(() => Task.FromResult(Workers().Max(ProcessorTicks)), ticks => ticks > 200);
        await cancel.CancelAsync();
        var result = await running;
        Assert.Equal((Ending.Cancelled, executed, ForcedEnd.SessionEnded), (result.Ending, result.Executed, result.Forced));
        Assert.Equal(executed == Executed.No ? "0" : "1", await _bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Theory]
    [InlineData("SELECT length(hex(zeroblob(400000000)))")]
    [InlineData("SELECT zeroblob(90000000) AS a, zeroblob(90000000) AS b")]
    [InlineData("SELECT randomblob(60000000) AS a, randomblob(60000000) AS b")]
    [InlineData("CREATE TEMP TABLE x AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT randomblob(1000000) FROM n")]
    [InlineData("WITH RECURSIVE n(b) AS (SELECT randomblob(1000) UNION ALL SELECT b || b FROM n) SELECT max(length(b)) FROM n")]
    [InlineData("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) SELECT group_concat(hex(randomblob(10000))) FROM n")]
    [InlineData("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, randomblob(10000) AS r FROM n ORDER BY r")]
    public async Task A_query_that_wants_more_memory_than_it_may_have_is_told_so_and_named_the_setting(string sql)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks into /proc.");
        await _bench.DoAsync("CREATE TABLE t (id INTEGER)");
        foreach (var access in Enum.GetValues<CommandAccess>())
        {
            var result = await _bench.RunAsync(new QueryCommand(sql), access: access, limit: TimeSpan.FromHours(1));
            Assert.Equal((Ending.Failed, Executed.No, ErrorTypes.HaloLink, 400), (result.Ending, result.Executed, result.Error?.ErrorType, result.Error?.ErrorCode));
            Assert.Contains("96 MiB", result.Error!.ErrorMessage, StringComparison.Ordinal);
            Assert.Contains("sqlite.maxMemoryBytes", result.Error.ErrorMessage, StringComparison.Ordinal);
            Assert.Equal("0", await _bench.ValueAsync("SELECT count(*) FROM t"));
        }
        foreach (var worker in Workers())
            Assert.InRange(PeakBytes(worker), 1, 400L << 20);
    }

    [Fact]
    public async Task What_a_query_keeps_meanwhile_never_stands_in_a_file()
    {
        var folder = Directory.CreateTempSubdirectory("halo-sqlite-tmp-").FullName;
        await using var workers = SharedWorkers.New(_memory);
        using var made = new FileSystemWatcher(folder) { NotifyFilter = NotifyFilters.FileName };
        var names = new List<string>();
        made.Created += (_, e) => names.Add(e.Name ?? "");
        made.EnableRaisingEvents = true;
        Environment.SetEnvironmentVariable("SQLITE_TMPDIR", folder);
        workers.Begin();
        try
        {
            await using var bench = _file.Open(workers: workers);
            Assert.Equal("""[{"n":30}]""", await bench.RowsAsync("""
                CREATE TEMP TABLE mine (v BLOB);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30) INSERT INTO mine SELECT randomblob(1000000) FROM n;
                SELECT count(*) AS n FROM (SELECT v FROM mine ORDER BY hex(substr(v, 1, 100000)) DESC)
                """));
            // What is told of this file has been told of all before it.
            File.WriteAllText(Path.Combine(folder, "last"), "");
            await Eventually.BecomesAsync(() => Task.FromResult(names.ToArray()), n => n.Contains("last"));
            Assert.DoesNotContain(names, n => n.StartsWith("etilqs", StringComparison.Ordinal));
        }
        finally
        {
            Environment.SetEnvironmentVariable("SQLITE_TMPDIR", null);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("BEGIN; INSERT INTO t VALUES (1);", Executed.No, "0")]
    [InlineData("INSERT INTO t VALUES (1);", Executed.Unknown, "1")]
    public async Task A_worker_that_dies_in_the_middle_costs_its_query_and_no_other(string before, Executed executed, string left)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Finds the worker in /proc.");
        await _bench.DoAsync("CREATE TABLE t (id INTEGER)");
        var running = _bench.RunAsync(new QueryCommand(before + Endless), limit: TimeSpan.FromHours(1));
        await Eventually.BecomesAsync(() => Task.FromResult(Workers().Max(ProcessorTicks)), ticks => ticks > 200);
        // That one alone: another that is idle would be dead only when the system has come to it.
        using (var worker = Process.GetProcessById(Workers().MaxBy(ProcessorTicks)))
            worker.Kill();
        var result = await running;
        Assert.Equal((Ending.Failed, executed, FailureCodes.LinkError), (result.Ending, result.Executed, result.Error?.Code));
        Assert.Equal(left, await _bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task Idle_workers_that_the_system_ended_cost_no_query()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Finds the workers in /proc.");
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("1", await _bench.ValueAsync("SELECT 1"));
            foreach (var worker in Workers())
            {
                using var process = Process.GetProcessById(worker);
                process.Kill();
                await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            }
            Assert.Equal("2", await _bench.ValueAsync("SELECT 2"));
        }
    }

    [Fact]
    public async Task Many_queries_at_once_share_few_workers_and_each_comes_to_its_end()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Counts in /proc.");
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => _bench.ValueAsync($"SELECT {i}")));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture)), answers);
        Assert.InRange(Workers().Count, 1, 60);
    }

    [Fact]
    public async Task Where_no_worker_can_start_the_query_says_so()
    {
        // An argument that the worker refuses.
        await using var broken = SharedWorkers.New(-1);
        await using var bench = _file.Open(workers: broken);
        var result = await bench.RunAsync("SELECT 1");
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.LinkError, 500), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
        Assert.Contains("could not start", result.Error!.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_is_no_worker_is_a_failed_start()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Runs a shell.");
        var start = new ProcessStartInfo("sh", ["-c", @"printf '\377\377\377\377\377'; cat"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        await Assert.ThrowsAsync<SqliteWorkerException>(() => SqliteWorker.StartAsync(start, TimeProvider.System));
    }

    [Fact]
    public async Task A_thousand_queries_leave_no_process_and_no_handle_behind()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Counts in /proc.");
        await _bench.DoAsync("CREATE TABLE t (id INTEGER)");
        var (worker, files) = (0, 0);
        for (var i = 0; i < 1000; i++)
        {
            Assert.Equal("1", await _bench.ValueAsync("SELECT 1"));
            if (i != 100)
                continue;
            worker = Workers().MaxBy(ProcessorTicks);
            files = OpenFiles(worker);
        }
        Assert.InRange(Workers().Count, 1, 2);
        Assert.Contains(worker, Workers());
        // The runtime opens some of its own late; a handle left by each query, or each hundredth, would be more.
        Assert.InRange(OpenFiles(worker), 1, files + 5);
    }

    [Fact]
    public async Task Signals_to_the_whole_group_end_no_worker()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sends signals.");
        Assert.Equal("1", await _bench.ValueAsync("SELECT 1"));
        using var cancel = new CancellationTokenSource();
        var running = _bench.RunAsync(new QueryCommand(Endless), cancel: cancel, limit: TimeSpan.FromHours(1));
        await Eventually.BecomesAsync(() => Task.FromResult(Workers().Max(ProcessorTicks)), ticks => ticks > 200);
        var worker = Workers().MaxBy(ProcessorTicks);
        foreach (var signal in (string[])["INT", "TERM", "HUP", "QUIT"])
        {
            using var sent = Process.Start("kill", ["-" + signal, worker.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await sent.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        var before = ProcessorTicks(worker);
        await Eventually.BecomesAsync(() => Task.FromResult(ProcessorTicks(worker)), ticks => ticks > before + 50);
        await cancel.CancelAsync();
        var result = await running;
        Assert.Equal((Ending.Cancelled, Executed.No, ForcedEnd.None), (result.Ending, result.Executed, result.Forced));
    }

    [Fact]
    public async Task A_worker_ends_in_the_middle_of_a_statement_when_the_Link_is_gone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks into /proc.");
        var worker = await SqliteWorker.StartAsync(_memory, TimeProvider.System);
        var process = Process.GetProcessById(worker.ProcessId);
        worker.Channel.Send(WorkerFrameKind.Run, new("Data Source=:memory:", new(new(Uninterruptible), null, null, 1, TimeSpan.FromDays(1))), WorkerJson.Default.WorkerCommand);
        await Eventually.BecomesAsync(() => Task.FromResult(ProcessorTicks(worker.ProcessId)), ticks => ticks > 200);
        // What the system does with the pipes of a process that is gone; the process itself is left alone.
        worker.Channel.Dispose();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        worker.Dispose();
    }

    [Theory]
    [InlineData("SELECT json_extract('{}', '$' || hex(zeroblob(30000)))")]
    [InlineData("SELECT json_extract('{}', '$' || hex(zeroblob(3000000)))")]
    [InlineData("SELECT * FROM \"{0}\"")]
    [InlineData("SELECT \"{0}\" FROM sqlite_master")]
    public async Task What_SQLite_says_of_an_error_is_cut_where_it_is_said(string sql)
    {
        var result = await _bench.RunAsync(sql.Replace("{0}", new string('é', 400_000), StringComparison.Ordinal));
        Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
        Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(result.Error!.ErrorMessage), 1000, ProtocolLimits.MaxErrorBytes);
        Assert.EndsWith("…", result.Error.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_of_any_length_and_columns_of_any_number_come_whole()
    {
        var blob = await _bench.ValueAsync("SELECT zeroblob(8000000)");
        Assert.Equal(JsonSerializer.Serialize(new byte[8000000]), blob);
        var columns = string.Join(", ", Enumerable.Range(0, 2000).Select(i => $"{i} AS c{i}"));
        using var row = JsonDocument.Parse(await _bench.RowsAsync("SELECT " + columns));
        Assert.Equal(2000, Assert.Single(row.RootElement.EnumerateArray()).EnumerateObject().Count());
        var many = await _bench.RunAsync("SELECT " + string.Join(',', Enumerable.Repeat("1", 32766)));
        Assert.Equal((Ending.Failed, Executed.No, "sqlite"), (many.Ending, many.Executed, many.Error?.ErrorType));
        var rows = await _bench.RowsAsync("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, substr(hex(zeroblob(100)), 1, i % 200) AS v FROM n");
        using var all = JsonDocument.Parse(rows);
        Assert.Equal(Enumerable.Range(1, 20000), all.RootElement.EnumerateArray().Select(r => r.GetProperty("i").GetInt32()));
        Assert.All(all.RootElement.EnumerateArray(), r => Assert.Equal(r.GetProperty("i").GetInt32() % 200, r.GetProperty("v").GetString()!.Length));
    }

    [Fact]
    public async Task A_result_of_which_no_more_was_wanted_cuts_none_that_comes_after_it()
    {
        const string Three = "SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3";
        // More than once: at first the next query may have another worker.
        for (var i = 0; i < 5; i++)
        {
            var cut = new CollectingSink(maxRows: 1);
            Assert.Equal((Ending.Successful, 1L), ((await _bench.RunAsync(Three, cut)).Ending, cut.Rows));
            Assert.Equal("""[{"n":1},{"n":2},{"n":3}]""", await _bench.RowsAsync(Three));
        }
    }

    [Fact]
    public async Task A_command_that_is_cancelled_before_its_worker_has_it_never_reaches_that()
    {
        using var worker = await SqliteWorker.StartAsync(_memory, TimeProvider.System);
        var request = new CommandRequest(new(Endless), null, null, 1, TimeSpan.FromHours(1));
        var run = new SqliteWorkerRun(_workers, worker, request, new CollectingSink(), TimeProvider.System, new CancellationToken(canceled: true));
        await using (run)
            await run.ExecuteAsync(JsonSerializer.SerializeToUtf8Bytes(new("Data Source=:memory:", request), WorkerJson.Default.WorkerCommand));
        var result = await run.ConcludeAsync(recovered: false, CancellationToken.None);
        Assert.Equal((true, Ending.Cancelled, Executed.No, ForcedEnd.None), (run.NeverSent, result.Ending, result.Executed, result.Forced));
    }

    /// <summary>The Link's clock stands still, as that of one that was frozen: it kills nothing.</summary>
    [Fact]
    public async Task A_worker_that_left_a_command_behind_runs_no_other()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Finds the worker in /proc.");
        Assert.Equal("1", await _bench.ValueAsync("SELECT 1"));
        await using var frozen = _file.Open(workers: _workers, time: new ManualTime());
        using var cancel = new CancellationTokenSource();
        var running = frozen.RunAsync(new QueryCommand(Uninterruptible), cancel: cancel, limit: TimeSpan.FromHours(1));
        await Eventually.BecomesAsync(() => Task.FromResult(Workers().Max(ProcessorTicks)), ticks => ticks > 200);
        var worker = Workers().MaxBy(ProcessorTicks);
        await cancel.CancelAsync();
        var result = await running;
        Assert.Equal((Ending.Cancelled, Executed.Unknown, ForcedEnd.LeftBehind), (result.Ending, result.Executed, result.Forced));
        await Eventually.BecomesAsync(() => Task.FromResult(Workers()), workers => !workers.Contains(worker));
        Assert.Equal("1", await _bench.ValueAsync("SELECT 1"));
    }

    /// <summary>The workers of this test alone, known by their bound.</summary>
    List<int> Workers()
    {
        List<int> found = [];
        foreach (var directory in Directory.GetDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), out var id))
                continue;
            try
            {
                if (File.ReadAllText(directory + "/cmdline").Contains($"\0{SqliteWorkerProgram.Command}\0{_memory}\0", StringComparison.Ordinal))
                    found.Add(id);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended.
            }
        }
        return found;
    }

    /// <summary>Processor time so far, in hundredths of a second.</summary>
    static long ProcessorTicks(int id)
    {
        try
        {
            var fields = File.ReadAllText($"/proc/{id}/stat").Split(' ');
            return long.Parse(fields[13], System.Globalization.CultureInfo.InvariantCulture) + long.Parse(fields[14], System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    static int OpenFiles(int id) => Directory.GetFileSystemEntries($"/proc/{id}/fd").Length;

    static long PeakBytes(int id) =>
        long.Parse(File.ReadLines($"/proc/{id}/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            System.Globalization.CultureInfo.InvariantCulture) * 1024;
}
