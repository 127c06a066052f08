using System.CommandLine;
using Halo.Cli.Profiles;
using Halo.Client;

namespace Halo.Cli.Commands;

/// <summary>Saves a service, a key and a site under a name.</summary>
static class LoginCommand
{
    public static Command Create() =>
        new Command("login", "Save address, key and site as a profile, in a file that only you can read. The key is asked for, or comes from standard input, --key-file or HALO_KEY. Example: halo login --api https://halo.example --site 'Best Practice/12345'")
            .WithAction(RunAsync);

    static async Task RunAsync(ParseResult parsed, CancellationToken stop)
    {
        var options = Connection.Resolve(parsed, AskForKey);
        using var client = new HaloClient(options);
        // A wrong key is found now, and not at midnight.
        await client.GetLimitsAsync(stop);
        var site = Connection.SiteOf(parsed) is null ? null : (await Connection.SiteAsync(parsed, client, stop)).Id.ToString();
        var name = Connection.NameOf(parsed);
        ProfileStore.Default.Save(name, new Profile(options.Address!.ToString(), options.Key!, site));
        Console.Error.WriteLine($"Saved as profile {name} in {ProfileStore.Default.FilePath}.");
    }

    static string? AskForKey()
    {
        if (Console.IsInputRedirected)
            return Console.In.ReadLine()?.Trim() is { Length: > 0 } read ? read : null;
        Console.Error.Write("Subscription key (not shown): ");
        var key = "";
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } pressed)
            key = pressed.Key == ConsoleKey.Backspace ? key[..Math.Max(0, key.Length - 1)] : key + pressed.KeyChar;
        Console.Error.WriteLine();
        return key.Trim() is { Length: > 0 } typed ? typed : null;
    }
}

/// <summary>Removes a profile.</summary>
static class LogoutCommand
{
    public static Command Create() =>
        new Command("logout", "Remove a profile with its key. Example: halo logout --profile test").WithAction((parsed, _) =>
        {
            var name = Connection.NameOf(parsed);
            return ProfileStore.Default.Remove(name) ? Task.CompletedTask : throw new NotFoundException($"There is no profile {name}.");
        });
}
