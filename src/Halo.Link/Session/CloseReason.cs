using Halo.LinkProtocol;

namespace Halo.Link.Session;

/// <summary>What the Link says when it ends: that it stops, or that it was uninstalled.</summary>
sealed class CloseReason
{
    volatile string _reason = LineCloseReason.LinkStopping;

    /// <summary>A word of <see cref="LineCloseReason"/>.</summary>
    public string Word => _reason;

    /// <summary>It will not come back: its sites are uninstalled.</summary>
    public void ForGood() => _reason = LineCloseReason.LinkUninstalled;
}
