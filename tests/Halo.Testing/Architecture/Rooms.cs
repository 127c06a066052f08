using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using Assembly = System.Reflection.Assembly;

namespace Halo.Testing.Architecture;

/// <summary>The rooms of a program: its namespaces, in the order in which they may use each other.</summary>
public static class Rooms
{
    /// <summary>Every type uses only its own room and those below.</summary>
    /// <param name="program">The program's assembly.</param>
    /// <param name="root">The namespace that all rooms are in, which itself is the one at the top.</param>
    /// <param name="fromTop">Rooms in rows from the top down, without <paramref name="root"/>; those of a row, parted by blanks, do not use each other.</param>
    /// <exception cref="InvalidOperationException">What breaks the order, one line each.</exception>
    public static void VerifyOrder(Assembly program, string root, params string[] fromTop)
    {
        var floors = fromTop.SelectMany((row, floor) => row.Split(' ').Select(room => (Room: $"{root}.{room}", Floor: floor + 1))).Append((Room: root, Floor: 0))
            .ToDictionary(r => r.Room, r => r.Floor);
        var types = new ArchLoader().LoadAssemblies(program).Build().Types.Where(t => IsIn(t, root)).ToList();
        var unknown = types.Select(RoomOf).Where(r => !floors.ContainsKey(r)).Distinct().Select(r => $"{r} has no place in the order.");
        var upward =
            from type in types
            from used in type.Dependencies.Select(d => d.Target).Where(t => IsIn(t, root)).Distinct()
            let own = RoomOf(type)
            let other = RoomOf(used)
            where own != other && floors.ContainsKey(own) && floors.ContainsKey(other) && floors[other] <= floors[own]
            select $"{Short(type)} in {own} uses {Short(used)} in {other}, which is not below.";
        var empty = floors.Keys.Except(types.Select(RoomOf)).Select(r => $"{r} is empty.");
        Verify(unknown.Concat(upward).Concat(empty).Distinct().Order());
    }

    /// <summary>No type of some rooms uses a type, nor do those of the rooms within them.</summary>
    /// <param name="rooms">Without <paramref name="root"/>.</param>
    /// <param name="type">Its full name.</param>
    /// <exception cref="InvalidOperationException">The type does not exist, or those that use it, one line each.</exception>
    public static void VerifyNotUsed(Assembly program, string root, string type, params string[] rooms)
    {
        var types = new ArchLoader().LoadAssemblies(program).Build().Types.ToList();
        Verify(types.Any(t => t.FullName == type) ? [] : [$"There is no {type}."]);
        Verify(
            from user in types
            where rooms.Any(r => RoomOf(user) is var room && (room == $"{root}.{r}" || room.StartsWith($"{root}.{r}.", StringComparison.Ordinal)))
            where user.Dependencies.Any(d => d.Target.FullName == type)
            select $"{Short(user)} in {RoomOf(user)} uses {type}.");
    }

    /// <summary>No folder below one has more files than a room should have.</summary>
    /// <exception cref="InvalidOperationException">Those that have, one line each.</exception>
    public static void VerifyNoneIsCrowded(string root, int most) => Verify(
        from folder in Directory.GetDirectories(root, "*", SearchOption.AllDirectories)
        let name = Path.GetRelativePath(root, folder)
        where !name.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj")
        let files = Directory.GetFiles(folder, "*.cs").Length
        where files > most
        select $"{name} has {files} files.");

    static void Verify(IEnumerable<string> faults)
    {
        if (string.Join('\n', faults) is { Length: > 0 } all)
            throw new InvalidOperationException(all);
    }

    /// <remarks>A parameter of a generic method is a type too, and equal to others of its name.</remarks>
    static bool IsIn(IType type, string root) => type is not GenericParameter && RoomOf(type) is var room && (room == root || room.StartsWith(root + ".", StringComparison.Ordinal));

    static string RoomOf(IType type) => type.Namespace?.FullName ?? "";

    /// <summary>Without what the compiler makes of a lambda or an iterator.</summary>
    static string Short(IType type) => type.FullName[(type.Namespace.FullName.Length + 1)..].Split('+', '/', '`')[0];
}
