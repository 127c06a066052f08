using System.Collections;
using System.Data.Common;
using Halo.Contracts.Queries;

namespace Halo.Data;

/// <summary>The parameters of a command, in their order. Names are found with or without <c>@</c>, and without case.</summary>
public sealed class HaloDbParameterCollection : DbParameterCollection
{
    readonly List<HaloDbParameter> _all = [];

    internal HaloDbParameterCollection()
    {
    }

    /// <inheritdoc/>
    public override int Count => _all.Count;

    /// <inheritdoc/>
    public override object SyncRoot => ((ICollection)_all).SyncRoot;

    internal IReadOnlyList<HaloDbParameter> All => _all;

    /// <summary>Adds a parameter.</summary>
    public HaloDbParameter Add(HaloDbParameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        _all.Add(parameter);
        return parameter;
    }

    /// <summary>Adds a parameter with its value.</summary>
    public HaloDbParameter AddWithValue(string? name, object? value) => Add(new HaloDbParameter(name, value));

    /// <summary>Adds a parameter of a type of the database.</summary>
    public HaloDbParameter AddWithValue(string? name, object? value, SqlType type) => Add(new HaloDbParameter(name, value, type));

    /// <inheritdoc/>
    public override int Add(object value)
    {
        _all.Add(Ours(value));
        return _all.Count - 1;
    }

    /// <inheritdoc/>
    public override void AddRange(Array values)
    {
        ArgumentNullException.ThrowIfNull(values);
        // Of a wrong one none is added.
        _all.AddRange(values.Cast<object>().Select(Ours).ToList());
    }

    /// <inheritdoc/>
    public override void Clear() => _all.Clear();

    /// <inheritdoc/>
    public override bool Contains(object value) => IndexOf(value) >= 0;

    /// <inheritdoc/>
    public override bool Contains(string value) => IndexOf(value) >= 0;

    /// <inheritdoc/>
    public override void CopyTo(Array array, int index) => ((ICollection)_all).CopyTo(array, index);

    /// <inheritdoc/>
    public override IEnumerator GetEnumerator() => _all.GetEnumerator();

    /// <inheritdoc/>
    public override int IndexOf(object value) => value is HaloDbParameter parameter ? _all.IndexOf(parameter) : -1;

    /// <inheritdoc/>
    public override int IndexOf(string parameterName) => parameterName is null ? -1 : _all.FindIndex(p => Plain(p.ParameterName).Equals(Plain(parameterName), StringComparison.OrdinalIgnoreCase));

    /// <inheritdoc/>
    public override void Insert(int index, object value) => _all.Insert(index, Ours(value));

    /// <inheritdoc/>
    public override void Remove(object value)
    {
        if (!_all.Remove(Ours(value)))
            throw new ArgumentException("The parameter is not in the collection.", nameof(value));
    }

    /// <inheritdoc/>
    public override void RemoveAt(int index) => _all.RemoveAt(Checked(index));

    /// <inheritdoc/>
    public override void RemoveAt(string parameterName) => _all.RemoveAt(Find(parameterName));

    /// <inheritdoc/>
    protected override DbParameter GetParameter(int index) => _all[Checked(index)];

    /// <inheritdoc/>
    protected override DbParameter GetParameter(string parameterName) => _all[Find(parameterName)];

    /// <inheritdoc/>
    protected override void SetParameter(int index, DbParameter value) => _all[Checked(index)] = Ours(value);

    /// <inheritdoc/>
    protected override void SetParameter(string parameterName, DbParameter value) => _all[Find(parameterName)] = Ours(value);

    internal static string Plain(string name) => name.TrimStart('@', ':');

    static HaloDbParameter Ours(object value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value as HaloDbParameter ?? throw new InvalidCastException($"The collection takes {nameof(HaloDbParameter)}, and not {value.GetType().Name}.");
    }

    int Checked(int index) => index >= 0 && index < _all.Count ? index : throw new IndexOutOfRangeException($"There are {_all.Count} parameters, and none is at {index}.");

    int Find(string name) => IndexOf(name) is >= 0 and var index ? index : throw new IndexOutOfRangeException($"There is no parameter {name}.");
}
