using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using Assembly = System.Reflection.Assembly;

namespace Halo.Testing.Architecture;

/// <summary>The rooms of a program: its namespaces, in the order in which they may use each other.</summary>
public static class Rooms
{
    /// <summary>What breaks the order, one line each; empty: every type uses only its own room and those below.</summary>
    /// <param name="program">The program's assembly.</param>
    /// <param name="root">The namespace that all rooms are in, which itself is the one at the top.</param>
    /// <param name="fromTop">Rooms in rows from the top down, without <paramref name="root"/>; those of a row, parted by blanks, do not use each other.</param>
    public static IReadOnlyList<string> FaultsOf(Assembly program, string root, params string[] fromTop)
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
        return [.. unknown.Concat(upward).Concat(empty).Distinct().Order()];
    }

    /// <summary>The folders with more files than a room should have, with their number.</summary>
    /// <param name="project">The project's folder.</param>
    public static IReadOnlyList<string> CrowdedFolders(string project, int most) =>
    [
        .. new[] { project }.Concat(Directory.GetDirectories(project, "*", SearchOption.AllDirectories)).Where(d => !IsBuilt(Path.GetRelativePath(project, d)))
            .Select(d => (Folder: Path.GetRelativePath(project, d), Files: Directory.GetFiles(d, "*.cs").Length)).Where(f => f.Files > most)
            .Select(f => $"{f.Folder}: {f.Files}"),
    ];

    static bool IsBuilt(string folder) => folder.Split(Path.DirectorySeparatorChar)[0] is "bin" or "obj";

    /// <remarks>A parameter of a generic method is a type too, and equal to others of its name.</remarks>
    static bool IsIn(IType type, string root) => type is not GenericParameter && RoomOf(type) is var room && (room == root || room.StartsWith(root + ".", StringComparison.Ordinal));

    static string RoomOf(IType type) => type.Namespace?.FullName ?? "";

    /// <summary>Without what the compiler makes of a lambda or an iterator.</summary>
    static string Short(IType type) => type.FullName[(type.Namespace.FullName.Length + 1)..].Split('+', '/', '`')[0];
}
