using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Connections;
using Halo.Link.Engines.Running;
using Halo.Link.Settings;
using Halo.Link.Sites;

namespace Halo.Link.Diagnosis;

/// <summary>Whether a site's databases can be had under its logins, its practice read, its rules kept and its protection held to.</summary>
/// <param name="subject">The site's place in the settings.</param>
sealed class SiteCheck(string subject, LocalSite site, TimeProvider time)
{
    /// <summary>A driver that hangs is left behind.</summary>
    static readonly TimeSpan LongestConnect = TimeSpan.FromSeconds(8), LongestQuestion = TimeSpan.FromSeconds(10);

    static readonly QueryCommand One = new("SELECT 1") { ExecutionMode = ExecutionMode.Scalar };

    readonly List<DoctorCheck> _found = [];

    public async Task<IReadOnlyList<DoctorCheck>> RunAsync(CancellationToken stop)
    {
        var connected = new HashSet<DatabaseConnector>();
        foreach (var (what, connector) in site.Connectors)
            if (await ConnectAsync(what, connector, stop))
                connected.Add(connector);
        if (connected.Contains(site.OwnConnector))
        {
            await ReadPracticeAsync(stop);
            await HoldProtectionAsync(stop);
        }
        await KeepRulesAsync(connected, stop);
        return _found;
    }

    async Task<bool> ConnectAsync(string what, DatabaseConnector connector, CancellationToken stop)
    {
        try
        {
            await Task.Run(connector.CheckAsync, CancellationToken.None).WaitAsync(LongestConnect, time, stop);
            Add(CheckState.Ok, $"connects to {what} ({site.Settings.Engine})");
            return true;
        }
        catch (DatabaseUnavailableException e)
        {
            Add(CheckState.Problem, $"cannot connect to {what}: {e.Fault.Words}");
        }
        catch (TimeoutException e)
        {
            Add(CheckState.Problem, $"cannot connect to {what}: no answer in time. {site.Engine.NameConnectionFault(e).Advice}");
        }
        return false;
    }

    async Task ReadPracticeAsync(CancellationToken stop)
    {
        var reading = new PracticeReading(site, new());
        await BoundedAsync(() => reading.RunAsync(stop), reading.Failed, stop);
        if (reading.Failure is { } failure)
            Add(CheckState.Problem, $"its practice could not be read. {failure}: correct that setting's SQL, or give the login the right to what it reads");
        else
            Add(CheckState.Ok, $"is the practice {Told(site.Settings.PracticeManagementName, reading.Texts.PracticeManagementName)}"
                + $" {Told(site.Settings.PracticeManagementSiteId, reading.Texts.PracticeManagementSiteId)}");

        static string? Told(TextSource source, string? read) => source.Text ?? read;
    }

    async Task HoldProtectionAsync(CancellationToken stop)
    {
        IReadOnlyList<string> faults = [];
        await BoundedAsync(async () =>
        {
            var connection = await site.OwnConnector.OpenAsync(null, CommandAccess.Write, stop);
            try
            {
                faults = await site.Engine.ProtectionFaultsAsync(connection, stop);
            }
            finally
            {
                await site.Engine.CloseAsync(connection);
            }
        }, e => Add(CheckState.Problem, $"whether its protection holds could not be asked ({e.GetType().Name}): {site.Engine.NameConnectionFault(e).Advice}"), stop);
        foreach (var fault in faults)
            Add(CheckState.Problem, fault);
        if (faults.Count == 0)
            Add(CheckState.Ok, $"is protected: {site.Settings.Protection.Describe(site.Settings.Engine)}");
    }

    /// <summary>Asks once under the rules of each integrator, as a query of it would.</summary>
    async Task KeepRulesAsync(HashSet<DatabaseConnector> connected, CancellationToken stop)
    {
        var asked = new HashSet<(DatabaseConnector, CommandAccess)>();
        foreach (var integrator in (site.Settings.Policy?.Integrators.Keys ?? []).Prepend(Guid.Empty))
        {
            // Whatever way of reading its rules allow.
            var command = site.Resolve(null, integrator, [One]).Target is null ? One with { ExecutionMode = ExecutionMode.Reader } : One;
            if (site.Resolve(null, integrator, [command]).Target is not { } target || !connected.Contains(target.Connector) || !asked.Add((target.Connector, target.Access)))
                continue;
            var request = new CommandRequest(command, target.Database, null, 1, LongestQuestion, target.Access) { Protection = target.Protection };
            var result = await target.Connector.Runner.RunAsync(request, new ScalarText(), stop);
            var what = site.WhatIs(target.Connector);
            if (result.Error is { } error)
                Add(CheckState.Problem, string.Join(' ', new[] { $"a query over {what} is refused: {error.ErrorMessage}" }.Concat(result.Notices?.Select(n => n.Message) ?? [])));
            else if (target.Access == CommandAccess.Read)
                Add(CheckState.Warning, $"over {what} its policy keeps an integrator from writing by modes alone: set readOnly, with a login that can only read (docs/configuration.md)");
            else
                Add(CheckState.Ok, target.Access == CommandAccess.ReadOnly ? $"the login of {what} can only read, as readOnly asks" : $"queries over {what} run with all rights of its login");
        }
    }

    async Task BoundedAsync(Func<Task> work, Action<Exception> failed, CancellationToken stop)
    {
        try
        {
            await Task.Run(work, CancellationToken.None).WaitAsync(LongestQuestion, time, stop);
        }
        catch (Exception e) when (e is DatabaseUnavailableException || ConnectionFault.IsOfTheDatabase(e) && !stop.IsCancellationRequested)
        {
            failed(e);
        }
    }

    void Add(CheckState state, string message) => _found.Add(new(subject, state, message));
}
