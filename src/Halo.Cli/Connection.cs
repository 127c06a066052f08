using System.CommandLine;
using System.Globalization;
using Halo.Cli.Profiles;
using Halo.Client;

namespace Halo.Cli;

/// <summary>Where the service is, who calls and which site is meant: from options, else the environment, else a profile.</summary>
static class Connection
{
    static readonly Option<string> Api = new("--api") { Description = "The service's address, as https://halo.example (HALO_API)", HelpName = "URL", Recursive = true };
    static readonly Option<string> ProfileName = new("--profile") { Description = "The profile that halo login saved; default: default (HALO_PROFILE)", HelpName = "NAME", Recursive = true };
    static readonly Option<string> KeyFile = new("--key-file") { Description = "A file whose first line is the subscription key; - is standard input (HALO_KEY holds the key itself)", HelpName = "FILE", Recursive = true };
    static readonly Option<string> Site = new("--site") { Description = "The practice: its site's id, or SYSTEM/ID as 'Best Practice/12345' (HALO_SITE)", HelpName = "SITE", Recursive = true };

    public static IEnumerable<Option> Options => [Api, ProfileName, KeyFile, Site];

    public static string NameOf(ParseResult parsed) => parsed.GetValue(ProfileName) ?? Variable("HALO_PROFILE") ?? "default";

    public static bool TakesKeyFromInput(ParseResult parsed) => parsed.GetValue(KeyFile) == "-";

    public static HaloClient Client(ParseResult parsed) => new(Resolve(parsed));

    /// <summary>The options of the client.</summary>
    /// <exception cref="UsageException">Something is missing; the text says how to give it.</exception>
    public static HaloClientOptions Resolve(ParseResult parsed, Func<string?>? askForKey = null)
    {
        var profile = ProfileStore.Default.Find(NameOf(parsed));
        if (profile is null && (parsed.GetValue(ProfileName) ?? Variable("HALO_PROFILE")) is { } named && askForKey is null)
            throw new UsageException($"There is no profile {named}. Make it: halo login --profile {named} --api URL");
        var text = parsed.GetValue(Api) ?? Variable("HALO_API") ?? profile?.Api
            ?? throw new UsageException("The service's address is missing. Give --api URL, set HALO_API, or save it: halo login --api URL");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address))
            throw new UsageException($"{text} is not an address such as https://halo.example.");
        // A profile's key is for its own service and no other one.
        var saved = profile is not null && Uri.TryCreate(profile.Api, UriKind.Absolute, out var own) && Uri.Compare(own, address, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0
            ? profile.Key
            : null;
        var key = (parsed.GetValue(KeyFile) is { } file ? ReadKey(file) : null) ?? Variable("HALO_KEY") ?? (askForKey is null ? saved : askForKey())
            ?? throw new UsageException("The subscription key is missing. Set HALO_KEY, give --key-file FILE, or save it: halo login. It is never an argument, which everybody on this machine could read.");
        return new HaloClientOptions { Address = address, Key = key, RetryTimeout = RetryTimeout() };
    }

    public static string? SiteOf(ParseResult parsed) => parsed.GetValue(Site) ?? Variable("HALO_SITE") ?? ProfileStore.Default.Find(NameOf(parsed))?.Site;

    /// <summary>The site that is meant.</summary>
    /// <param name="named">As an argument, which is before all else.</param>
    public static async Task<HaloSite> SiteAsync(ParseResult parsed, HaloClient client, CancellationToken stop, string? named = null)
    {
        var site = named ?? SiteOf(parsed) ?? throw new UsageException("The practice is missing. Give --site ID (halo sites SYSTEM ID shows it), set HALO_SITE, or save it: halo login --site ID");
        if (Guid.TryParse(site, out var id))
            return client.Sites.At(id);
        var slash = site.LastIndexOf('/');
        if (slash <= 0 || slash == site.Length - 1)
            throw new UsageException($"{site} is neither a site's id nor SYSTEM/ID, as 'Best Practice/12345' is.");
        return await client.Sites.FindAsync(site[..slash], site[(slash + 1)..], stop)
            ?? throw new NotFoundException($"There is no practice {site[(slash + 1)..]} of {site[..slash]}: see whether both are written as the practice has them.");
    }

    static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary><c>HALO_RETRY_SECONDS</c>: scripts that try again by themselves set 0.</summary>
    static TimeSpan RetryTimeout()
    {
        if (Variable("HALO_RETRY_SECONDS") is not { } text)
            return new HaloClientOptions().RetryTimeout;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? TimeSpan.FromSeconds(seconds) : throw new UsageException("HALO_RETRY_SECONDS must be a whole number of seconds.");
    }

    static string? ReadKey(string file)
    {
        try
        {
            var key = file == "-" ? Console.In.ReadLine() : File.ReadLines(file).FirstOrDefault();
            return key?.Trim() is { Length: > 0 } read ? read : throw new UsageException($"{(file == "-" ? "Standard input" : file)} holds no key in its first line.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"The key could not be read: {e.Message}");
        }
    }
}
