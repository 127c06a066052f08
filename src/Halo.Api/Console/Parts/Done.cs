namespace Halo.Api.Console.Parts;

/// <summary>What a page says after an act. The address holds the key alone, so that nobody can make the console say something else by a link.</summary>
static class Done
{
    static readonly Dictionary<string, string> Texts = new()
    {
        ["authority"] = "This site is now the authoritative one of its practice.",
        ["confirmed"] = "The site is confirmed and can be queried.",
        ["site-removed"] = "The site was removed. Its queued queries were cancelled.",
        ["approved"] = "The Link is trusted. It connects by itself within half a minute.",
        ["revoked"] = "The Link is revoked. Its session was closed.",
        ["integrator-changed"] = "The integrator was changed.",
        ["integrator-deleted"] = "The integrator, its keys and its pairings were deleted.",
        ["paired"] = "The site is paired with this integrator.",
        ["unpaired"] = "The pairing was removed. Queued queries were cancelled.",
        ["operator-changed"] = "The operator was changed.",
        ["operator-revoked"] = "The operator's key is revoked, and its sessions have ended.",
    };

    public static string? Text(HttpRequest request) => Texts.GetValueOrDefault(request.Query["done"].ToString());
}
