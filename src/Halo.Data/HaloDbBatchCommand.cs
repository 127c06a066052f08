using System.Collections;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Halo.Data.Commands;

namespace Halo.Data;

/// <summary>One command of a batch.</summary>
public sealed class HaloDbBatchCommand : DbBatchCommand
{
    /// <summary>Creates a command.</summary>
    public HaloDbBatchCommand()
    {
    }

    /// <summary>Creates a command with its text.</summary>
    public HaloDbBatchCommand(string? commandText) => CommandText = commandText;

    /// <inheritdoc cref="HaloDbCommand.CommandText"/>
    [AllowNull]
    public override string CommandText { get; set => field = value ?? ""; } = "";

    /// <summary>SQL text or a stored procedure.</summary>
    public override CommandType CommandType { get; set => field = ContractCommand.Checked(value); } = CommandType.Text;

    /// <summary>Whether its rows are wanted, by a reader; else how many it changed is. Null, the default: its rows where it begins as a query or has RETURNING or OUTPUT, or is a procedure.</summary>
    public bool? ReturnsRows { get; set; }

    /// <summary>How many rows it changed, once it was executed; -1 where the database gives no number, and of one whose rows were read.</summary>
    public override int RecordsAffected => Affected;

    /// <summary>Its parameters.</summary>
    public new HaloDbParameterCollection Parameters { get; } = new();

    /// <inheritdoc/>
    public override bool CanCreateParameter => true;

    internal int Affected { get; set; } = -1;

    /// <inheritdoc/>
    protected override DbParameterCollection DbParameterCollection => Parameters;

    /// <summary>A parameter, not added yet.</summary>
    public override HaloDbParameter CreateParameter() => new();
}

/// <summary>The commands of a batch, in the order in which they run.</summary>
public sealed class HaloDbBatchCommandCollection : DbBatchCommandCollection
{
    readonly List<HaloDbBatchCommand> _all = [];

    internal HaloDbBatchCommandCollection()
    {
    }

    /// <inheritdoc/>
    public override int Count => _all.Count;

    /// <inheritdoc/>
    public override bool IsReadOnly => false;

    internal IReadOnlyList<HaloDbBatchCommand> All => _all;

    /// <summary>Adds a command.</summary>
    public HaloDbBatchCommand Add(string commandText)
    {
        var made = new HaloDbBatchCommand(commandText);
        _all.Add(made);
        return made;
    }

    /// <inheritdoc/>
    public override void Add(DbBatchCommand item) => _all.Add(Ours(item));

    /// <inheritdoc/>
    public override void Clear() => _all.Clear();

    /// <inheritdoc/>
    public override bool Contains(DbBatchCommand item) => IndexOf(item) >= 0;

    /// <inheritdoc/>
    public override void CopyTo(DbBatchCommand[] array, int arrayIndex) => ((ICollection)_all).CopyTo(array, arrayIndex);

    /// <inheritdoc/>
    public override IEnumerator<DbBatchCommand> GetEnumerator() => _all.GetEnumerator();

    /// <inheritdoc/>
    public override int IndexOf(DbBatchCommand item) => item is HaloDbBatchCommand command ? _all.IndexOf(command) : -1;

    /// <inheritdoc/>
    public override void Insert(int index, DbBatchCommand item) => _all.Insert(index, Ours(item));

    /// <inheritdoc/>
    public override bool Remove(DbBatchCommand item) => item is HaloDbBatchCommand command && _all.Remove(command);

    /// <inheritdoc/>
    public override void RemoveAt(int index) => _all.RemoveAt(index);

    /// <inheritdoc/>
    protected override DbBatchCommand GetBatchCommand(int index) => _all[index];

    /// <inheritdoc/>
    protected override void SetBatchCommand(int index, DbBatchCommand batchCommand) => _all[index] = Ours(batchCommand);

    static HaloDbBatchCommand Ours(DbBatchCommand item)
    {
        ArgumentNullException.ThrowIfNull(item);
        return item as HaloDbBatchCommand ?? throw new InvalidCastException($"The batch takes {nameof(HaloDbBatchCommand)}, and not {item.GetType().Name}.");
    }
}
