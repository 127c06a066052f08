using Halo.Link.Files;
using Halo.Link.Journal;
using Halo.Link.Pages;
using Halo.Link.Pages.Upload;
using Halo.Link.Settings;
using Halo.Link.Sites;
using Halo.Link.Transport;
using Halo.Link.Work;
using Halo.Link.Work.Async;
using Halo.Link.Work.Immediate;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link;

/// <summary>What the Link does with queries: both lanes, the journal, the spool and the way of pages.</summary>
sealed class LinkWork : IAsyncDisposable
{
    static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(3);

    readonly CurrentSession _current;
    readonly TimeProvider _time;

    public LinkWork(
        LinkSettings settings, DataDirectory directory, LocalSites sites, LinkWay way, CurrentSession current, TimeProvider time, Func<Random> newRandom, ILoggerFactory logs)
    {
        (_current, _time) = (current, time);
        var gate = new ImmediateGate(time);
        var key = LocalKey.Open(directory.Path);
        Journal = ClaimJournal.Open(directory.Path, key, time);
        Immediate = new(sites, settings.Lanes.Immediate, Limits, current, gate, Journal, time, logs.CreateLogger<ImmediateQueries>());
        Spool = new(directory.Path, key, new() { MaxBytes = settings.Spool.MaxBytes, WaitForRoom = settings.Spool.WaitForRoom }, time);
        Uploader = new(way.Http, way.Tokens.GetAsync, gate.StandAsideAsync, Spool, UploadOptions.From(settings.Upload) with { AtOnce = settings.Uploads }, time, newRandom(),
            logs.CreateLogger<Uploader>());
        var commands = new ClaimedCommands(sites, Limits, time);
        Async = new(new() { Slots = settings.Lanes.Async }, Journal, Spool, Uploader, current, commands.RunAsync, time, logs.CreateLogger<AsyncQueries>(), (commands, sites.Places));
        sites.AvailabilityChanged += (_, connector) =>
        {
            if (connector.Outage is null)
                Async.OnWorkAvailable();
        };
    }

    public SiteLimits Limits { get; } = new();

    public ImmediateQueries Immediate { get; }

    public AsyncQueries Async { get; }

    public Spool Spool { get; }

    public ClaimJournal Journal { get; }

    public Uploader Uploader { get; }

    /// <summary>Ends what runs, gives back what has not begun, and says so.</summary>
    public async Task StopAsync()
    {
        using var deadline = new CancellationTokenSource(LongestStop, _time);
        try
        {
            await Task.WhenAll(Immediate.StopAsync(deadline.Token), Async.StopAsync(deadline.Token));
        }
        catch (OperationCanceledException)
        {
            // The next start settles the rest from the journal.
        }
        try
        {
            // What it does not name was never begun and never will be: the API can say so at once.
            await _current.SendAsync(FrameKind.Farewell, Guid.Empty, new Farewell { Immediates = Immediate.Held }, ProtocolJson.Default.Farewell, deadline.Token);
        }
        catch (OperationCanceledException)
        {
            // Nobody listens: the end of the line says enough.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Async.DisposeAsync();
        Uploader.Dispose();
        Journal.Dispose();
    }
}
