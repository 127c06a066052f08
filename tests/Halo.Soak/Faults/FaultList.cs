using Halo.Soak.World;
using Halo.Testing;
using Halo.Testing.Proxy;

namespace Halo.Soak.Faults;

/// <summary>Everything that can break in a world.</summary>
static class FaultList
{
    public static IReadOnlyList<Fault> Of(SoakWorld world)
    {
        var programs = new Programs(world);
        var faults = new List<Fault>
        {
            new("API killed", "api", 3, 1500, programs.KillApiAsync),
            new("API stopped", "api", 1, 1000, programs.StopApiAsync),
            new("API frozen", "api", 2, 4000, programs.FreezeApiAsync),
            new("Link killed", "link", 3, 1500, programs.KillLinkAsync),
            new("Link stopped", "link", 1, 1000, programs.StopLinkAsync),
            new("Link frozen", "link", 2, 4000, programs.FreezeLinkAsync),
            new("practice locked (SQLite)", "file", 3, 2500, world.Practices[0].LockAsync),
        };
        var sqlServer = world.SqlServer.Server;
        faults.Add(new("practice's SQL Server killed", "practice's SQL Server", 3, 100, d =>
        {
            sqlServer.DropAll();
            return Task.Delay(d);
        }));
        faults.Add(new("practice's SQL Server frozen", "practice's SQL Server", 3, 4000, async d =>
        {
            sqlServer.Freeze();
            await Task.Delay(d);
            sqlServer.Thaw();
        }));
        faults.AddRange(OfLine("line", world.ApiLine, encrypted: true));
        if (world.DatabaseLine is { } databaseLine)
            faults.AddRange(OfLine("database line", databaseLine, encrypted: false));
        if (world.Server is { } server)
            faults.AddRange(OfServer("practice's PostgreSQL", server));
        if (world.Store is { } store)
            faults.AddRange(OfServer("store's PostgreSQL", store).Select(f => f with { ApplyAsync = d => StoreAwayAsync(f, d) }));
        if (world.ApiDisk is { } apiDisk)
        {
            var full = new Fault("API's disk full", "api", 3, 4000, apiDisk.FillAsync);
            faults.Add(full with { ApplyAsync = d => StoreAwayAsync(full, d) });
        }
        if (world.LinkDisk is { } linkDisk)
            faults.Add(new("Link's disk full", "link", 3, 4000, linkDisk.FillAsync));
        return faults;

        async Task StoreAwayAsync(Fault fault, TimeSpan duration)
        {
            world.StoreAway = TimeProvider.System.GetUtcNow();
            await fault.ApplyAsync(duration);
            world.StoreAway = TimeProvider.System.GetUtcNow();
        }
    }

    /// <param name="encrypted">Damage is found by the connection itself; elsewhere it would be taken for data.</param>
    static IEnumerable<Fault> OfLine(string name, SocketProxy line, bool encrypted)
    {
        yield return new($"{name} cut", name, 5, 100, async d =>
        {
            line.Cut();
            await Task.Delay(d);
        });
        yield return new($"{name} refuses", name, 2, 2500, async d =>
        {
            line.Refusing = true;
            line.Cut();
            await Task.Delay(d);
            line.Refusing = false;
        });
        yield return InMode("half-open", LineMode.HalfOpen, line.Set, 2, 5000);
        yield return InMode("half-open upwards", LineMode.HalfOpen, m => line.Up.Mode = m, 2, 5000);
        yield return InMode("half-open downwards", LineMode.HalfOpen, m => line.Down.Mode = m, 2, 5000);
        yield return InMode("paused", LineMode.Pause, line.Set, 2, 3000);
        yield return InMode("without last byte upwards", LineMode.DropLastByte, m => line.Up.Mode = m, 2, 3000);
        yield return InMode("without last byte downwards", LineMode.DropLastByte, m => line.Down.Mode = m, 2, 3000);
        yield return new($"{name} delayed", name, 1, 4000, async d =>
        {
            line.Up.Delay = line.Down.Delay = TimeSpan.FromMilliseconds(150);
            await Task.Delay(d);
            line.Up.Delay = line.Down.Delay = TimeSpan.Zero;
        });
        yield return new($"{name} slow", name, 3, 6000, async d =>
        {
            line.Up.BytesPerSecond = line.Down.BytesPerSecond = 60_000;
            await Task.Delay(d);
            line.Up.BytesPerSecond = line.Down.BytesPerSecond = 0;
        });
        if (encrypted)
        {
            yield return InMode("corrupted upwards", LineMode.Corrupt, m => line.Up.Mode = m, 2, 2000);
            yield return InMode("corrupted downwards", LineMode.Corrupt, m => line.Down.Mode = m, 2, 2000);
        }

        Fault InMode(string how, LineMode mode, Action<LineMode> set, int weight, int longest) => new($"{name} {how}", name, weight, longest, async d =>
        {
            set(mode);
            await Task.Delay(d);
            set(LineMode.Pass);
        });
    }

    static IEnumerable<Fault> OfServer(string name, PostgresServer server)
    {
        yield return new($"{name} killed", name, 3, 1000, async d =>
        {
            await server.KillAsync();
            await Task.Delay(d);
            await server.StartAgainAsync();
        });
        yield return new($"{name} frozen", name, 3, 4000, async d =>
        {
            server.Freeze();
            await Task.Delay(d);
            server.Thaw();
        });
    }
}
