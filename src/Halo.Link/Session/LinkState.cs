using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Session;

/// <summary>How the Link stands with its API: what <c>halo-link status</c> and the log tell.</summary>
sealed class LinkState(TimeProvider time)
{
    readonly Lock _lock = new();
    readonly Dictionary<Guid, SiteNotice> _notices = [];
    bool _connected;
    DateTimeOffset _since = time.GetUtcNow();
    ErrorReport? _lastError;

    /// <summary>A session is open.</summary>
    public void Connected()
    {
        lock (_lock)
            (_connected, _since) = (true, time.GetUtcNow());
    }

    /// <summary>No session is open.</summary>
    public void Disconnected(string message)
    {
        lock (_lock)
        {
            if (_connected)
                (_connected, _since) = (false, time.GetUtcNow());
            _lastError = new(time.GetUtcNow(), message);
        }
    }

    /// <summary>What the API said of the sites; gives those of which it says something new.</summary>
    public IReadOnlyList<SiteNotice> Learn(IReadOnlyList<SiteNotice> notices)
    {
        lock (_lock)
        {
            var news = notices.Where(n => _notices.GetValueOrDefault(n.SiteId) != n).ToList();
            foreach (var notice in news)
            {
                // The Link's own sites are fewer: an API that makes sites up fills no memory.
                if (_notices.Count < ProtocolLimits.MaxSites || _notices.ContainsKey(notice.SiteId))
                    _notices[notice.SiteId] = notice;
            }
            return news;
        }
    }

    public (bool Connected, DateTimeOffset Since, ErrorReport? LastError) Connection
    {
        get
        {
            lock (_lock)
                return (_connected, _since, _lastError);
        }
    }

    public SiteNotice? NoticeOf(Guid siteId)
    {
        lock (_lock)
            return _notices.GetValueOrDefault(siteId);
    }
}

/// <summary>What last went wrong on the way to the API.</summary>
/// <param name="At">By this machine's clock.</param>
/// <param name="Message">In words, with what to do where somebody can do something.</param>
sealed record ErrorReport(DateTimeOffset At, string Message);
