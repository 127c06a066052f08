using System.Security.Cryptography;
using Halo.Cli.Commands;
using Halo.Cli.Output;
using Halo.Client;
using Halo.Client.Pages;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Cli.Exports;

/// <summary>Writes the files of an export one after the other, and goes on with one that was interrupted.</summary>
/// <param name="ahead">The same site by a client that tries nothing again: for what can wait for its turn.</param>
sealed class ExportRunner(HaloSite site, HaloSite ahead, ExportRequest request, ExportWorkspace workspace)
{
    /// <summary>Queries that are asked before their file's turn: the practice works on the next while one is written, and has few of ours at a time.</summary>
    const int MaxQueuedAhead = 3;

    /// <summary>
    /// An export that began longer ago is not gone on with. The service keeps idempotency keys and rows for 24 hours: a key that it has forgotten would run SQL a
    /// second time. An hour less, so that a daily run whose table failed begins anew rather than mixing two days.
    /// </summary>
    static readonly TimeSpan MaxAge = TimeSpan.FromHours(23);

    /// <summary>Those whose query an earlier run of the program asked.</summary>
    readonly HashSet<int> _resumed = [];

    readonly Dictionary<int, (string Error, int ExitCode)> _failures = [];
    List<ExportFile> _files = [];
    DateTimeOffset _began;

    public async Task<ExportSummary> RunAsync(CancellationToken stop)
    {
        await BeginAsync(stop);
        for (var i = 0; i < _files.Count; i++)
        {
            try
            {
                if (IsWritten(i))
                    continue;
                CheckTarget(i);
                await QueueAsync(i, site, stop);
                await QueueAheadAsync(i, stop);
                await WriteAsync(i, stop);
            }
            catch (HaloException e) when (_files.Count > 1 && (e is { Query.CompletedAt: not null } || LostRows.IsLost(e)))
            {
                Fail(i, CommandFaults.TextOf(e), ExitCodes.Of(e));
            }
            catch (LocalFileException e) when (_files.Count > 1)
            {
                Fail(i, e.Message, ExitCodes.LocalFile);
            }
            catch (UsageException e) when (_files.Count > 1)
            {
                Fail(i, e.Message, ExitCodes.Usage);
            }
        }
        if (_failures.Count == 0)
            workspace.Remove();
        return Summary();
    }

    /// <summary>Of the tables that could not be exported, the first one's.</summary>
    public int ExitCode => _failures.Count == 0 ? ExitCodes.Done : _failures[_failures.Keys.Min()].ExitCode;

    public int Failed => _failures.Count;

    async Task BeginAsync(CancellationToken stop)
    {
        if (workspace.State is { } left)
        {
            _files = left.Files;
            _began = left.Began;
            if (Now - _began > MaxAge)
                throw TooOld(left);
            _resumed.UnionWith(Enumerable.Range(0, _files.Count).Where(i => _files[i].Query is not null));
            Console.Error.WriteLine($"Going on with the export of {_began:yyyy-MM-dd HH:mm} UTC in {Printable.Of(request.Directory)}: {_files.Count(f => f.Bytes is not null)} of {_files.Count} file{(_files.Count == 1 ? "" : "s")} written.");
            return;
        }
        _began = Now;
        if (request.AllTables || request.Tables.Count > 0)
        {
            var tables = await TablesAsync(stop);
            if (tables.Count == 0)
                throw new NotFoundException("There are no tables that you may see.");
            CheckTexts(tables.SelectMany(t => t.Columns).Select(c => c.Name));
            _files = request.File is { } file
                ? [new(TableSelection.NameOf(tables[0]), file, NewKey()) { Schema = tables[0].Schema, Table = tables[0].Name }]
                : TableSelection.Files(tables, request.Form, NewKey);
        }
        else
            _files = [new(request.File!, request.File!, request.Options.IdempotencyKey ?? NewKey()) { Query = request.Query }];
        for (var i = 0; i < _files.Count; i++)
            CheckTarget(i);
        Save();
    }

    async Task<List<SchemaTable>> TablesAsync(CancellationToken stop)
    {
        if (request.AllTables)
            return TableSelection.All(await PresentSchemaAsync(stop), request.Except);
        // A column that --text names may be newer than the schema that the service read last.
        if (request.AsText.Count > 0)
            return Named(await PresentSchemaAsync(stop));
        try
        {
            return Named(await site.SchemaAsync(request.Options.Catalogue, cancellationToken: stop));
        }
        catch (NotFoundException)
        {
            // The service answers with the schema that it read last; the table may be newer.
            return Named(await PresentSchemaAsync(stop));
        }

        List<SchemaTable> Named(DatabaseSchema schema) => [.. request.Tables.Select(t => TableSelection.Find(schema, t)).Distinct()];
    }

    async Task<DatabaseSchema> PresentSchemaAsync(CancellationToken stop)
    {
        try
        {
            return await site.SchemaAsync(request.Options.Catalogue, refresh: true, stop);
        }
        catch (HaloException e) when (e.IsTransient)
        {
            // The practice is away. Queries wait for it; what is asked of it is what it had.
            var kept = await site.SchemaAsync(request.Options.Catalogue, cancellationToken: stop);
            Console.Error.WriteLine($"The practice cannot be asked now: its tables are those of {kept.ReadAt:yyyy-MM-dd HH:mm} UTC.");
            return kept;
        }
    }

    /// <summary>An existing file is not replaced, nor what is no file: seen before anything is asked of the practice.</summary>
    void CheckTarget(int index)
    {
        var target = TargetOf(index);
        if (Directory.Exists(target) || new FileInfo(target).LinkTarget is not null)
            throw new UsageException($"{target} is a directory or a link, which an export does not replace. Remove it, or choose another --out.");
        if (!request.Force && Path.Exists(target))
            throw new UsageException($"{target} exists already. Choose another --out, or have it replaced: --force");
    }

    /// <summary>A column that no table has is misspelt.</summary>
    void CheckTexts(IEnumerable<string> columns)
    {
        var known = columns.ToHashSet(StringComparer.Ordinal);
        if (request.AsText.FirstOrDefault(c => !known.Contains(c)) is { } missing)
            throw new UsageException($"--text {missing}: there is no such column. Write it exactly as the database has it.");
    }

    /// <summary>Whether it is whole under its name; one that was whole when the program was killed is given its name now.</summary>
    bool IsWritten(int index)
    {
        if (_files[index].Bytes is not { } bytes)
            return false;
        var partial = new FileInfo(workspace.PartialPath(index));
        if (partial.Exists && partial.Length == bytes)
        {
            CheckTarget(index);
            Publish(index);
        }
        if (new FileInfo(TargetOf(index)) is { Exists: true } target && target.Length == bytes)
        {
            workspace.RemovePages(index);
            return true;
        }
        _files[index] = _files[index] with { Rows = null, Bytes = null };
        return false;
    }

    /// <summary>Gives a whole file its name.</summary>
    void Publish(int index)
    {
        try
        {
            File.Move(workspace.PartialPath(index), TargetOf(index), overwrite: request.Force);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LocalFileException($"{TargetOf(index)} could not be written: {e.Message.TrimEnd('.')}. The same command tries it again.", e);
        }
    }

    async Task QueueAsync(int index, HaloSite by, CancellationToken stop)
    {
        if (_files[index] is { Query: not null } or { Bytes: not null })
            return;
        var command = _files[index].Table is { } table ? HaloCommand.Text(TableSelection.Sql(_files[index].Schema, table)) : request.Command!;
        Guid query;
        try
        {
            // The key was saved before: if the program dies here, the next run is answered with the same query.
            query = await AskAsync();
        }
        catch (HaloException e) when (e.Code == ErrorCodes.IdempotencyKeyReused)
        {
            if (!request.IsRepeatable)
                throw new HaloException($"{e.Message} An earlier run may have sent it with other options: give the same ones, also --timeout.", e) { Code = e.Code, Status = e.Status, IdempotencyKey = e.IdempotencyKey };
            // An earlier run asked with another --timeout, and died before it knew the query.
            _files[index] = _files[index] with { Key = NewKey() };
            Save();
            query = await AskAsync();
        }
        _files[index] = _files[index] with { Query = query };
        Save();
        if (_files[index].Table is null)
            Console.Error.WriteLine($"Queued as {query}. If it is interrupted, the same command goes on where it stopped.");

        async Task<Guid> AskAsync() => (await by.QueueAsync(command, ExecutionMode.Reader, request.Options with { IdempotencyKey = _files[index].Key }, stop)).Id;
    }

    async Task QueueAheadAsync(int index, CancellationToken stop)
    {
        try
        {
            for (var next = index + 1; next <= Math.Min(index + MaxQueuedAhead, _files.Count - 1); next++)
                await QueueAsync(next, ahead, stop);
        }
        catch (HaloException)
        {
            // It is asked again when it is its turn.
        }
    }

    async Task WriteAsync(int index, CancellationToken stop)
    {
        var query = await EndedAsync(index, stop);
        try
        {
            await WriteRowsAsync(index, query, stop);
        }
        catch (HaloException e) when (LostRows.IsLost(e) && request.Query is null)
        {
            if (!MayAskAnew(Executed.Yes))
                throw NotAskedAgain(index, e, Executed.Yes);
            await WriteRowsAsync(index, await AskAnewAsync(index, stop), stop);
        }
    }

    async Task WriteRowsAsync(int index, Query query, CancellationToken stop)
    {
        if (LostRows.HasNone(query))
        {
            // What is left would have each run end here.
            if (_files.Count == 1)
                workspace.Remove();
            throw LostRows.None(query, isExecuted: request.Query is null);
        }
        var all = query.Result!.Rows!.Value;
        var columns = query.Result.Columns ?? [];
        if (_files[index].Table is null)
            CheckTexts(columns.Select(c => c.Name));
        var partial = workspace.PartialPath(index);
        var spool = new PageSpool(workspace, index, site.Resume(query.Id));
        var progress = new Progress(TitleOf(index), all, query.Result.Size, site.Calls.Calls.Options.TimeProvider);
        long length;
        try
        {
            await using var stream = ExportWorkspace.Create(partial);
            await using (var file = await RowFile.CreateAsync(request.Form, stream, columns, request))
            {
                await foreach (var rows in PageRows.PagesAsync(query, spool.FetchAsync, site.Calls.Calls.Options.PageParallelism, stop))
                {
                    while (await PageRows.ReadRowAsync(rows, query, stop))
                    {
                        await file.AddAsync(rows.Row);
                        progress.Step(rows.Row.Json.Length);
                    }
                }
                await file.CompleteAsync();
            }
            stream.Flush(flushToDisk: true);
            length = stream.Length;
        }
        catch (Exception e)
        {
            progress.End();
            Discard(partial);
            // What the Parquet library does not take has exceptions of many kinds.
            if (request.Form is ExportForm.Parquet && e is not (IOException or UnauthorizedAccessException or HaloException or OperationCanceledException or LocalFileException))
                throw new LocalFileException($"The Parquet file could not be written: {e.Message.TrimEnd('.')}. Choose another --format.", e);
            throw;
        }
        progress.End();
        // First the state says that it is whole, then it is renamed: if the program is killed in between, the next run renames it.
        _files[index] = _files[index] with { Rows = all, Bytes = length };
        Save();
        Publish(index);
        workspace.RemovePages(index);
        Notices.Show(query);
        Console.Error.WriteLine($"{Printable.Of(TargetOf(index))}: {Progress.Number(all)} row{(all == 1 ? "" : "s")}, {Progress.Size(length)}.");
    }

    /// <summary>The query at its end, successful. One of an earlier run that failed, or whose rows are no longer kept, is asked anew where that does no harm.</summary>
    async Task<Query> EndedAsync(int index, CancellationToken stop)
    {
        var isLeft = _resumed.Remove(index);
        HaloException failure;
        try
        {
            var query = await WaitAsync(index, stop);
            // One that has just ended and has no columns is SQL without rows.
            if (!LostRows.AreGone(query) && !(isLeft && request.Query is null && LostRows.HasNone(query)))
                return query;
            failure = LostRows.Gone(query);
        }
        catch (HaloException e) when (request.Query is null && (e is { Query.CompletedAt: not null } || e.Code == ErrorCodes.NotFound))
        {
            failure = e;
        }
        // Of a query that the service does not know, nothing is known.
        var executed = failure.Query is null ? Executed.Unknown : failure.Executed;
        if (isLeft && request.Query is null && MayAskAnew(executed))
            return await AskAnewAsync(index, stop);
        throw request.Query is not null || request.IsRepeatable || executed == Executed.No ? failure : NotAskedAgain(index, failure, executed);
    }

    async Task<Query> AskAnewAsync(int index, CancellationToken stop)
    {
        Console.Error.WriteLine($"{Printable.Of(_files[index].Name)}: its query failed, or its rows can no longer be read. The practice is asked again.");
        workspace.RemovePages(index);
        _files[index] = _files[index] with { Query = null, Key = NewKey() };
        Save();
        await QueueAsync(index, site, stop);
        return await WaitAsync(index, stop);
    }

    /// <summary>Whether its SQL may be sent under another key. With a key of the user's another process may have sent it too.</summary>
    bool MayAskAnew(Executed executed) => request.IsRepeatable || executed == Executed.No && request.Options.IdempotencyKey is null;

    /// <summary>The failure of SQL of the user's: it may write, so to run it once more is for its user to decide.</summary>
    HaloException NotAskedAgain(int index, HaloException failure, Executed executed) => new(
        $"{failure.Message} {(executed == Executed.Yes ? "The SQL was executed" : "Whether the SQL was executed is not known")}, so it is not run again by itself (idempotency key {_files[index].Key}). See what it did at the practice; {Restart} sends it anew.", failure)
    {
        // Not the database's error: the exit code is that of an unknown fate.
        Code = failure.Code,
        Status = failure.Status,
        Executed = executed,
        QueryId = _files[index].Query,
        Query = failure.Query,
    };

    /// <summary>Under the same key the service would give the same answer.</summary>
    string Restart => request.Options.IdempotencyKey is null ? "--restart" : "--restart with another --idempotency-key";

    /// <summary>Of an export that began too long ago.</summary>
    Exception TooOld(ExportState left)
    {
        var text = $"The export in {request.WorkDirectory} began {left.Began:yyyy-MM-dd HH:mm} UTC, more than {MaxAge.TotalHours} hours ago, and is not gone on with.";
        return request.IsRepeatable || request.Query is not null
            ? new UsageException($"{text} Throw it away, and begin again: --restart")
            : new HaloException($"{text} Whether its SQL was executed is not known here (idempotency key {left.Files[0].Key}). See what it did at the practice; {Restart} sends it anew.") { QueryId = left.Files[0].Query };
    }

    Task<Query> WaitAsync(int index, CancellationToken stop) =>
        Progress.WhileAsync($"{TitleOf(index)}: waiting for the practice", site.Resume(_files[index].Query!.Value).WaitAsync(stop));

    string TitleOf(int index) => Printable.Of(_files.Count == 1 ? _files[index].Name : $"{index + 1}/{_files.Count} {_files[index].Name}");

    void Fail(int index, string error, int exitCode)
    {
        _failures[index] = (error, exitCode);
        Console.Error.WriteLine($"halo: {Printable.Of(_files[index].Name)}: {Printable.Of(error)}");
    }

    /// <param name="error">Why the export stopped before its end; null: it did not.</param>
    public ExportSummary Summary(string? error = null)
    {
        var written = _files.Select((f, i) => new ExportedFile(f.Name, TargetOf(i), f.Query, f.Rows, f.Bytes, _failures.TryGetValue(i, out var failure) ? failure.Error : null)).ToList();
        return new(site.Id, request.Form, _began, written, written.Sum(f => f.Rows ?? 0), written.Sum(f => f.Bytes ?? 0), error);
    }

    DateTimeOffset Now => site.Calls.Calls.Options.TimeProvider.GetUtcNow();

    void Save() => workspace.Save(new(ExportState.CurrentVersion, workspace.Export, _began, _files));

    string TargetOf(int index) => Path.Combine(request.Directory, _files[index].File);

    static string NewKey() => RandomNumberGenerator.GetHexString(32, lowercase: true);

    static void Discard(string partial)
    {
        try
        {
            File.Delete(partial);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What went wrong before counts; the next run replaces it.
        }
    }
}
