using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Halo.Line;
using Halo.Link.Transport;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Sites;

/// <summary>Tells the API of sites that came, went or changed: in the open session, so that no query there is disturbed.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore has no handle.")]
sealed partial class SiteAnnouncements(
    CurrentSession session, Enroller enroller, LocalSites local, Func<IReadOnlyList<SiteDescription>> describe, Action openAnew, TimeProvider time,
    ILogger<SiteAnnouncements> log)
{
    static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(10);
    static readonly TimeSpan EnrolAgain = TimeSpan.FromMinutes(1);
    readonly ConcurrentDictionary<Guid, TaskCompletionSource> _asked = new();
    readonly SemaphoreSlim _turn = new(1);
    volatile bool _understood;
    string? _refused;
    LineConnection? _later;

    /// <summary>A session is open.</summary>
    public void OnWelcome(Welcome welcome)
    {
        _understood = welcome.Capabilities.Contains(Welcome.TakesSiteChanges);
        // It began without a site that was refused.
        if (_understood && !enroller.Knows(describe()))
            _ = EnrolLaterAsync(EnrolAgain, CancellationToken.None);
    }

    /// <summary>The API has judged what it was told.</summary>
    public void OnNotices(SiteNotices notices)
    {
        if (notices.Answers is { } id && _asked.TryGetValue(id, out var asked))
            asked.TrySetResult();
    }

    /// <summary>Returns when the API has judged the sites as they are now; where it cannot be told, a new session is opened, which begins with them.</summary>
    public async Task TellAsync(CancellationToken stop)
    {
        if (session.Line is null || !_understood || !await TryTellAsync(stop))
            openAnew();
    }

    async Task<bool> TryTellAsync(CancellationToken stop)
    {
        var id = Guid.CreateVersion7(time.GetUtcNow());
        var answer = _asked.GetOrAdd(id, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            var sites = describe();
            if (sites.Count == 0)
                return false;
            var again = await EnrolAsync(sites, stop);
            if (!await SendAsync(id, stop))
                return false;
            await answer.Task.WaitAsync(LongestAnswer, time, stop);
            if (again is { } wait)
                _ = EnrolLaterAsync(wait, stop);
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UnauthorizedAccessException or TimeoutException)
        {
            return false;
        }
        finally
        {
            _asked.TryRemove(id, out _);
        }
    }

    /// <summary>As they are now, and one after the other: what was described before never follows what was described after.</summary>
    async Task<bool> SendAsync(Guid id, CancellationToken stop)
    {
        await _turn.WaitAsync(stop);
        try
        {
            if (describe() is not { Count: > 0 } sites)
                return false;
            var changes = new SiteChanges(id, sites) { ConfiguredSites = [.. local.All.Select(s => s.Id)] };
            return await session.SendAsync(FrameKind.SiteChanges, Guid.Empty, changes, ProtocolJson.Default.SiteChanges, stop);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>New sites are enrolled before they are told of. Where that is refused the others are told of all the same; what is not enrolled the API passes over.</summary>
    /// <returns>How long to wait before it is tried again; null: it knows them.</returns>
    async Task<TimeSpan?> EnrolAsync(IReadOnlyList<SiteDescription> sites, CancellationToken stop)
    {
        try
        {
            await enroller.EnsureAsync(sites, stop);
            _refused = null;
            return null;
        }
        catch (Exception e) when (e is NotAdmittedException or ApiRefusedException)
        {
            if (Interlocked.Exchange(ref _refused, e.Message) != e.Message)
                LogRefused(e.Message);
            return (e as NotAdmittedException)?.RetryAfter ?? (e as ApiRefusedException)?.RetryAfter ?? EnrolAgain;
        }
    }

    /// <summary>Asks again, as long as this session lasts, and tells when the new sites are enrolled. Nothing of it touches the session.</summary>
    async Task EnrolLaterAsync(TimeSpan wait, CancellationToken stop)
    {
        if (session.Line is not { } line || ReferenceEquals(Interlocked.Exchange(ref _later, line), line))
            return;
        for (TimeSpan? next = wait; next is { } pause; next = await EnrolWhereReachedAsync(stop))
        {
            await Task.Delay(pause, time, stop);
            if (!ReferenceEquals(line, session.Line))
                return;
        }
        Interlocked.CompareExchange(ref _later, null, line);
        await TellAsync(stop);
    }

    async Task<TimeSpan?> EnrolWhereReachedAsync(CancellationToken stop)
    {
        try
        {
            return await EnrolAsync(describe(), stop);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UnauthorizedAccessException or TimeoutException)
        {
            return EnrolAgain;
        }
    }

    [LoggerMessage(2024, LogLevel.Warning, "The Halo API did not take the new sites: {Message} Those that it knows go on; the Link asks again.")]
    partial void LogRefused(string message);
}
