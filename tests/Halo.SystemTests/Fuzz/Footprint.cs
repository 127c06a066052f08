using Halo.Testing.Processes;

namespace Halo.SystemTests.Fuzz;

/// <summary>What both programs hold of the machine: bytes resident, open handles (files, sockets).</summary>
sealed record Footprint(long ApiBytes, long LinkBytes, int ApiHandles, int LinkHandles)
{
    const long Slack = 48L << 20;
    const int SlackHandles = 24;

    public static Footprint Of(HaloProcess api, HaloProcess link) => new(api.ResidentBytes, link.ResidentBytes, api.OpenFiles, link.OpenFiles);

    /// <summary>Nothing grew but by what a collector's mood explains.</summary>
    public bool IsFlatAfter(Footprint before) =>
        ApiBytes <= before.ApiBytes + before.ApiBytes / 4 + Slack && LinkBytes <= before.LinkBytes + before.LinkBytes / 4 + Slack
        && ApiHandles <= before.ApiHandles + SlackHandles && LinkHandles <= before.LinkHandles + SlackHandles;

    public override string ToString() => $"API {ApiBytes >> 20} MiB, {ApiHandles} handles; Link {LinkBytes >> 20} MiB, {LinkHandles} handles";
}
