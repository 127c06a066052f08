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
sealed class ExportRunner(HaloSite site, ExportRequest request, ExportWorkspace workspace)
{
    /// <summary>Queries that are asked before their file's turn: the practice works on the next while one is written, and has few of ours at a time.</summary>
    const int Ahead = 3;

    /// <summary>Those whose query an earlier run of the program asked.</summary>
    readonly HashSet<int> _resumed = [];

    readonly Dictionary<int, (string Error, int ExitCode)> _failures = [];
    List<ExportFile> _files = [];

    public async Task<ExportSummary> RunAsync(CancellationToken stop)
    {
        await BeginAsync(stop);
        for (var i = 0; i < _files.Count; i++)
        {
            if (IsWritten(i))
                continue;
            CheckTarget(i);
            for (var next = i; next <= Math.Min(i + Ahead, _files.Count - 1); next++)
                await QueueAsync(next, isNeeded: next == i, stop);
            try
            {
                await WriteAsync(i, stop);
            }
            catch (HaloException e) when (_files.Count > 1 && e is { Query.CompletedAt: not null })
            {
                Fail(i, CommandFaults.Words(e), ExitCodes.Of(e));
            }
            catch (LocalFileException e) when (_files.Count > 1)
            {
                Fail(i, e.Message, ExitCodes.LocalFile);
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
            _resumed.UnionWith(Enumerable.Range(0, _files.Count).Where(i => _files[i].Query is not null));
            Console.Error.WriteLine($"Going on with the export in {request.Directory}: {_files.Count(f => f.Bytes is not null)} of {_files.Count} file{(_files.Count == 1 ? "" : "s")} written.");
            return;
        }
        if (request.AllTables || request.Tables.Count > 0)
        {
            var tables = await TablesAsync(stop);
            if (tables.Count == 0)
                throw new NotFoundException("There are no tables that you may see.");
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

    /// <summary>A file that is there is not replaced, before anything is asked of the practice.</summary>
    void CheckTarget(int index)
    {
        if (!request.Force && Path.Exists(TargetOf(index)))
            throw new UsageException($"{TargetOf(index)} is there already. Choose another --out, or have it replaced: --force");
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
            File.Move(partial.FullName, TargetOf(index), overwrite: request.Force);
        }
        if (new FileInfo(TargetOf(index)) is { Exists: true } target && target.Length == bytes)
        {
            workspace.RemovePages(index);
            return true;
        }
        _files[index] = _files[index] with { Rows = null, Bytes = null };
        return false;
    }

    async Task QueueAsync(int index, bool isNeeded, CancellationToken stop)
    {
        if (_files[index] is { Query: not null } or { Bytes: not null })
            return;
        try
        {
            var command = _files[index].Table is { } table ? HaloCommand.Text(TableSelection.Sql(_files[index].Schema, table)) : request.Command!;
            // The key was saved before: where the program dies here, the next one is answered with the same query.
            var query = await site.QueueAsync(command, ExecutionMode.Reader, request.Options with { IdempotencyKey = _files[index].Key }, stop);
            _files[index] = _files[index] with { Query = query.Id };
            Save();
            if (_files[index].Table is null)
                Console.Error.WriteLine($"Queued as {query.Id}. Interrupted, the same command goes on where it stopped.");
        }
        catch (HaloException) when (!isNeeded)
        {
            // It is asked again when it is its turn.
        }
    }

    async Task WriteAsync(int index, CancellationToken stop)
    {
        var query = await EndedAsync(index, stop);
        if (query.Result?.Rows is not { } all)
            throw new UsageException("The query has no rows to export.");
        var partial = workspace.PartialPath(index);
        var spool = new PageSpool(workspace, index, site.Resume(query.Id));
        var progress = new Progress(TitleOf(index), all, query.Result.Size, site.Calls.Calls.Options.TimeProvider);
        long length;
        try
        {
            await using var stream = ExportWorkspace.Create(partial);
            await using (var file = await RowFile.CreateAsync(request.Form, stream, query.Result.Columns ?? [], request.AsText))
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
        catch
        {
            progress.End();
            Discard(partial);
            throw;
        }
        progress.End();
        // First that it is whole, then its name: killed in between, the next run gives it its name.
        _files[index] = _files[index] with { Rows = all, Bytes = length };
        Save();
        File.Move(partial, TargetOf(index), overwrite: request.Force);
        workspace.RemovePages(index);
        Notices.Show(query);
        Console.Error.WriteLine($"{TargetOf(index)}: {Progress.Number(all)} row{(all == 1 ? "" : "s")}, {Progress.Size(length)}.");
    }

    /// <summary>The query at its end, successful. One of an earlier run that failed, or whose rows are no longer kept, is asked anew.</summary>
    async Task<Query> EndedAsync(int index, CancellationToken stop)
    {
        var isAgain = _resumed.Remove(index) && request.Query is null;
        try
        {
            var query = await WaitAsync(index, stop);
            if (!isAgain || query.Result is not { Rows: > 0, Pages: null or { Count: 0 } })
                return query;
        }
        catch (HaloException e) when (isAgain && (e is { Query.CompletedAt: not null } || e.Code == ErrorCodes.NotFound))
        {
            // As one whose rows are gone.
        }
        Console.Error.WriteLine($"{Printable.Of(_files[index].Name)}: its query failed or is too old to go on with. The practice is asked again.");
        workspace.RemovePages(index);
        _files[index] = _files[index] with { Query = null, Key = NewKey() };
        Save();
        await QueueAsync(index, isNeeded: true, stop);
        return await WaitAsync(index, stop);
    }

    Task<Query> WaitAsync(int index, CancellationToken stop) =>
        Progress.WhileAsync($"{TitleOf(index)}: waiting for the practice", site.Resume(_files[index].Query!.Value).WaitAsync(stop));

    string TitleOf(int index) => Printable.Of(_files.Count == 1 ? _files[index].Name : $"{index + 1}/{_files.Count} {_files[index].Name}");

    void Fail(int index, string error, int exitCode)
    {
        _failures[index] = (error, exitCode);
        Console.Error.WriteLine($"halo: {Printable.Of(_files[index].Name)}: {Printable.Of(error)}");
    }

    ExportSummary Summary()
    {
        var written = _files.Select((f, i) => new ExportedFile(f.Name, TargetOf(i), f.Query, f.Rows, f.Bytes, _failures.TryGetValue(i, out var failure) ? failure.Error : null)).ToList();
        return new(site.Id, request.Form, written, written.Sum(f => f.Rows ?? 0), written.Sum(f => f.Bytes ?? 0));
    }

    void Save() => workspace.Save(new(ExportState.CurrentVersion, workspace.Export, _files));

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
